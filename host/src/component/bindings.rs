//! The traits that the imports implement, generated from `wit/`.

wasmtime::component::bindgen!({
    path: "../wit",
    inline: "
        package thalweg:host;
        world host {
            import thalweg:node/events@0.1.0;
            import thalweg:node/lifecycle@0.1.0;
            import thalweg:node/parameters@0.1.0;
            import wasi:logging/logging@0.1.0-draft;
        }
    ",
    world: "thalweg:host/host",
    imports: {
        "thalweg:node/events.next": async | trappable,
        "thalweg:node/events.try-next": async | trappable,
        "thalweg:node/events.next-batch": async | trappable,
        "wasi:logging/logging.log": async | trappable,
        default: trappable,
    },
    // Written by hand, as `imports::outputs` is, so that a payload crosses the wall with one copy: from
    // where the host has it into the memory of the component, or from there to where the host keeps it.
    with: { "thalweg:node/types": crate::component::types },
});
