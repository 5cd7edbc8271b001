//! `thalweg:node/state`: the export by which a handler hands its state on.

use wasmtime::component::types::ComponentItem;
use wasmtime::component::{ComponentExportIndex, Instance, InstancePre};
use wasmtime::{Store, format_err};

use super::engine::World;
use super::state::NodeState;

pub(super) const EXPORT: &str = "thalweg:node/state@0.1.0";

type Save = (Result<Vec<u8>, String>,);
type Restore = (Result<(), String>,);

/// Where a component has the functions of the interface.
#[derive(Clone, Debug)]
pub(super) struct Saving {
    save: ComponentExportIndex,
    restore: ComponentExportIndex,
}

impl Saving {
    /// None where a component does not export the interface, or is a program.
    ///
    /// # Errors
    ///
    /// When a function of it is missing or has another type.
    pub(super) fn of(pre: &InstancePre<NodeState>, world: World) -> wasmtime::Result<Option<Self>> {
        let component = pre.component();
        let found = component.get_export(None, EXPORT);
        let Some((ComponentItem::ComponentInstance(_), interface)) =
            found.filter(|_| world == World::Handler)
        else {
            return Ok(None);
        };
        let types = pre.instance_type();
        let function = |name| match component.get_export(Some(&interface), name) {
            Some((ComponentItem::ComponentFunc(function), index)) => Ok((function, index)),
            _ => Err(format_err!("it has no function `{name}`")),
        };
        let (save, save_index) = function("save")?;
        save.typecheck::<(), Save>(&types)?;
        let (restore, restore_index) = function("restore")?;
        restore.typecheck::<(Vec<u8>,), Restore>(&types)?;
        Ok(Some(Self { save: save_index, restore: restore_index }))
    }

    /// Has the instance save its state. An inner error is its own.
    pub(super) async fn save(
        &self,
        store: &mut Store<NodeState>,
        instance: Instance,
    ) -> wasmtime::Result<Result<Vec<u8>, String>> {
        let save = instance.get_typed_func::<(), Save>(&mut *store, &self.save)?;
        store.data_mut().budget.begin(1);
        // The memory of the component bounds a list of bytes, so that one that is too large can be refused.
        let fuel = store.hostcall_fuel();
        store.set_hostcall_fuel(usize::MAX);
        let saved = save.call_async(&mut *store, ()).await;
        store.set_hostcall_fuel(fuel);
        Ok(saved?.0)
    }

    /// Gives the instance what another saved. An inner error is its own.
    pub(super) async fn restore(
        &self,
        store: &mut Store<NodeState>,
        instance: Instance,
        state: Vec<u8>,
    ) -> wasmtime::Result<Result<(), String>> {
        let restore = instance.get_typed_func::<(Vec<u8>,), Restore>(&mut *store, &self.restore)?;
        store.data_mut().budget.begin(1);
        Ok(restore.call_async(&mut *store, (state,)).await?.0)
    }
}
