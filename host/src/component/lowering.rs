//! Writes the event that comes most often into the memory of a component at once: a message without parameters.
//!
//! wasmtime's derived code looks for that memory anew for each field, which takes longer than what it
//! writes. What is written and in which order memory is asked for is the same: the canonical ABI, "Alignment", "Element
//! size" and "Storing" in <https://github.com/WebAssembly/component-model/blob/main/design/mvp/CanonicalABI.md>.

#![expect(unreachable_pub, reason = "the generated bindings export it again, within the crate")]

use std::mem::MaybeUninit;

use wasmtime::ValRaw;
use wasmtime::component::__internal::wasmtime_environ::component::{
    ComponentTypes, StringEncoding,
};
use wasmtime::component::__internal::{
    CanonicalAbiInfo, InstanceType, InterfaceType, LowerContext,
};
use wasmtime::component::{ComponentType, Lower, Resource};

use super::types::{AnyEvent, Buffer, Input, Parameter, Payload};

/// An event as it crosses the wall.
pub struct Event(pub AnyEvent);

/// Where the fields of a message are in an event.
mod at {
    pub(super) const CASE: usize = 0;
    pub(super) const ID: usize = 8;
    pub(super) const DROPPED: usize = 16;
    pub(super) const TIMESTAMP: usize = 24;
    pub(super) const SEQUENCE: usize = 32;
    pub(super) const ENCODING: usize = 40;
    pub(super) const PARAMETERS: usize = 44;
    pub(super) const PAYLOAD_CASE: usize = 56;
    pub(super) const PAYLOAD: usize = 60;
    pub(super) const END: usize = 72;
}

/// The cases, of events and of payloads.
const FIRST: [u8; 1] = [0];
const SECOND: [u8; 1] = [1];

#[expect(unsafe_code, reason = "wasmtime has the list of the types that it knows by this trait")]
// SAFETY: what a value of this type is lowered to is what the type within it is lowered to.
unsafe impl ComponentType for Event {
    type Lower = <AnyEvent as ComponentType>::Lower;

    const ABI: CanonicalAbiInfo = AnyEvent::ABI;

    fn typecheck(ty: &InterfaceType, types: &InstanceType<'_>) -> wasmtime::Result<()> {
        AnyEvent::typecheck(ty, types)
    }
}

#[expect(unsafe_code, reason = "one look for the memory instead of one for each field")]
// SAFETY: the flat form is that of the type within. The other is written through slices alone: where it is wrong, the
// component reads something wrong.
unsafe impl Lower for Event {
    fn linear_lower_to_flat<T>(
        &self,
        cx: &mut LowerContext<'_, T>,
        ty: InterfaceType,
        dst: &mut MaybeUninit<Self::Lower>,
    ) -> wasmtime::Result<()> {
        self.0.linear_lower_to_flat(cx, ty, dst)
    }

    fn linear_lower_to_memory<T>(
        &self,
        cx: &mut LowerContext<'_, T>,
        ty: InterfaceType,
        offset: usize,
    ) -> wasmtime::Result<()> {
        match &self.0 {
            AnyEvent::Input(input)
                if input.message.metadata.parameters.is_empty()
                    && cx.options().string_encoding == StringEncoding::Utf8 =>
            {
                store(cx, ty, offset, input)
            }
            other => other.linear_lower_to_memory(cx, ty, offset),
        }
    }
}

fn store<T>(
    cx: &mut LowerContext<'_, T>,
    ty: InterfaceType,
    offset: usize,
    input: &Input,
) -> wasmtime::Result<()> {
    const { assert!(AnyEvent::SIZE32 == at::END, "the layout is of another event") };
    let (id, metadata) = (input.id.as_bytes(), &input.message.metadata);
    let id_at = cx.realloc(0, 0, 1, id.len())?;
    let parameters_at = cx.realloc(0, 0, Parameter::ALIGN32, 0)?;
    let mut event = [0; at::END];
    put(&mut event, at::CASE, FIRST);
    put(&mut event, at::ID, list(id_at, id.len())?);
    put(&mut event, at::DROPPED, input.dropped.to_le_bytes());
    put(&mut event, at::TIMESTAMP, metadata.timestamp.to_le_bytes());
    put(&mut event, at::SEQUENCE, metadata.sequence.to_le_bytes());
    put(&mut event, at::ENCODING, [metadata.encoding as u8]);
    put(&mut event, at::PARAMETERS, list(parameters_at, 0)?);
    let (bytes_at, bytes) = match &input.message.payload {
        Payload::Inline(bytes) => {
            let bytes_at = cx.realloc(0, 0, 1, bytes.len())?;
            put(&mut event, at::PAYLOAD_CASE, FIRST);
            put(&mut event, at::PAYLOAD, list(bytes_at, bytes.len())?);
            (bytes_at, &**bytes)
        }
        Payload::Shared(handle) => {
            put(&mut event, at::PAYLOAD_CASE, SECOND);
            put(&mut event, at::PAYLOAD, lower_handle(cx, ty, handle)?.to_le_bytes());
            (0, Default::default())
        }
    };
    let memory = cx.as_slice_mut();
    copy(memory, id_at, id)?;
    copy(memory, bytes_at, bytes)?;
    copy(memory, offset, &event)
}

/// The component's number of a handle, which is its own from then on.
fn lower_handle<T>(
    cx: &mut LowerContext<'_, T>,
    event: InterfaceType,
    handle: &Resource<Buffer>,
) -> wasmtime::Result<u32> {
    let ty = handle_type(cx.types, event)
        .ok_or_else(|| wasmtime::format_err!("an event of another type"))?;
    let mut number = MaybeUninit::new(ValRaw::u32(0));
    handle.linear_lower_to_flat(cx, ty, &mut number)?;
    #[expect(unsafe_code, reason = "wasmtime hands the number out in this way alone")]
    // SAFETY: it was initialised when it was made.
    let number = unsafe { number.assume_init() };
    Ok(number.get_u32())
}

/// What the component knows as the type of a shared payload within an event.
fn handle_type(types: &ComponentTypes, event: InterfaceType) -> Option<InterfaceType> {
    let case = |of: InterfaceType, position: usize| match of {
        InterfaceType::Variant(variant) => types[variant].cases.get_index(position)?.1.as_ref(),
        _ => None,
    };
    let field = |of: &InterfaceType, position: usize| match *of {
        InterfaceType::Record(record) => Some(types[record].fields.get(position)?.ty),
        _ => None,
    };
    let message = field(case(event, 0)?, 2)?;
    case(field(&message, 1)?, 1).copied()
}

/// Where it begins, and how many it has.
fn list(pointer: usize, len: usize) -> wasmtime::Result<[u8; 8]> {
    let (pointer, len) = (u32::try_from(pointer)?, u32::try_from(len)?);
    Ok((u64::from(pointer) | u64::from(len) << 32).to_le_bytes())
}

fn copy(memory: &mut [u8], to: usize, bytes: &[u8]) -> wasmtime::Result<()> {
    let place = memory.get_mut(to..).and_then(|memory| memory.get_mut(..bytes.len()));
    place.ok_or_else(|| wasmtime::format_err!("memory beyond its end"))?.copy_from_slice(bytes);
    Ok(())
}

#[expect(clippy::indexing_slicing, reason = "all places are known when this is compiled")]
fn put<const N: usize>(event: &mut [u8; at::END], place: usize, field: [u8; N]) {
    event[place..place + N].copy_from_slice(&field);
}
