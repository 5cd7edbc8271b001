"""`echo` in Python: sends each message on as it came. `tests/host/handler.rs` runs it."""

import wit_world
from wit_world.imports import outputs
from wit_world.imports.types import Event, Event_Input


class WitWorld(wit_world.WitWorld):
    def on_events(self, events: list[Event]) -> None:
        for event in events:
            match event:
                case Event_Input(input):
                    message = input.message
                    metadata = message.metadata
                    outputs.send("out", message.payload, metadata.encoding, metadata.parameters)
