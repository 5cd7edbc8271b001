//! The traits that the imports implement, generated from `wit/`.

wasmtime::component::bindgen!({
    path: "../wit",
    inline: "
        package thalweg:host;
        world host {
            import thalweg:node/outputs@0.1.0;
            import thalweg:node/events@0.1.0;
            import thalweg:node/lifecycle@0.1.0;
            import thalweg:node/parameters@0.1.0;
            import wasi:logging/logging@0.1.0-draft;
        }
    ",
    world: "thalweg:host/host",
    imports: {
        "thalweg:node/outputs.send": async | trappable,
        "thalweg:node/events.next": async | trappable,
        "thalweg:node/events.next-batch": async | trappable,
        "wasi:logging/logging.log": async | trappable,
        default: trappable,
    },
    // Written by hand, so that an event reaches the component with one copy: from the shared payload
    // into its memory.
    with: { "thalweg:node/types": crate::component::types },
});
