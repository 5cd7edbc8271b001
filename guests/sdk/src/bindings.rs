//! The two worlds of `wit/`, generated. What both share is generated once, with `program`, which
//! has all of it.

#[allow(missing_docs, reason = "generated; the documentation is that of wit/")]
#[allow(unsafe_code, reason = "the imports are functions of the C ABI")]
/// World `program`, and the types and imports of both worlds.
pub mod program {
    wit_bindgen::generate!({
        path: "../../wit",
        world: "program",
        generate_all,
        pub_export_macro: true,
        export_macro_name: "export_program",
    });
}

#[allow(missing_docs, reason = "generated; the documentation is that of wit/")]
#[allow(unsafe_code, reason = "the exports are functions of the C ABI")]
/// World `handler`: its export, over the types of [`program`].
pub mod handler {
    wit_bindgen::generate!({
        path: "../../wit",
        world: "handler",
        pub_export_macro: true,
        export_macro_name: "export_handler",
        with: {
            "thalweg:node/types@0.1.0": crate::bindings::program::thalweg::node::types,
            "thalweg:node/outputs@0.1.0": crate::bindings::program::thalweg::node::outputs,
            "thalweg:node/parameters@0.1.0": crate::bindings::program::thalweg::node::parameters,
            "wasi:logging/logging@0.1.0-draft": crate::bindings::program::wasi::logging::logging,
        },
    });
}

#[allow(missing_docs, reason = "generated; the documentation is that of wit/")]
#[allow(unsafe_code, reason = "the exports are functions of the C ABI")]
/// World `stateful-handler`: its exports, over the types of [`program`].
pub mod stateful {
    wit_bindgen::generate!({
        path: "../../wit",
        world: "stateful-handler",
        pub_export_macro: true,
        export_macro_name: "export_stateful",
        with: {
            "thalweg:node/types@0.1.0": crate::bindings::program::thalweg::node::types,
            "thalweg:node/outputs@0.1.0": crate::bindings::program::thalweg::node::outputs,
            "thalweg:node/parameters@0.1.0": crate::bindings::program::thalweg::node::parameters,
            "thalweg:node/lifecycle@0.1.0": crate::bindings::handler::thalweg::node::lifecycle,
            "wasi:logging/logging@0.1.0-draft": crate::bindings::program::wasi::logging::logging,
        },
    });
}

pub(crate) use handler::thalweg::node::lifecycle;
pub(crate) use program::thalweg::node::{events, outputs, parameters, types};
pub(crate) use program::wasi::logging::logging;
