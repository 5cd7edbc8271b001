//! Keeps values of many sizes, changes and drops them in turns, and looks whether each is still what it was; in between it
//! grows its memory past its allocator. `tests/host/allocator.rs` runs it.

use std::alloc::{GlobalAlloc, Layout, System};

use thalweg_guest::{Event, Handler, Result, handler, outputs};

/// Values that are kept at a time.
const KEPT: usize = 64;

/// Bytes that are all the same.
struct Value {
    bytes: Vec<u8>,
    is: u8,
}

impl Value {
    fn check(&self) -> Result {
        match self.bytes.iter().position(|byte| *byte != self.is) {
            None => Ok(()),
            Some(at) => Err(format!("byte {at} of {} changed", self.bytes.len()).into()),
        }
    }
}

struct Remembers {
    values: Vec<Value>,
    /// Pages beside the allocator: not its to give away.
    beside: Vec<&'static mut [u8]>,
    random: u64,
}

impl Remembers {
    /// Xorshift, <https://doi.org/10.18637/jss.v008.i14>.
    fn next(&mut self, below: usize) -> usize {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        usize::try_from(self.random % below as u64).unwrap_or(0)
    }

    fn step(&mut self) -> Result {
        let is = self.next(255) as u8;
        let len = match self.next(3) {
            0 => self.next(64),
            1 => self.next(5000),
            _ => self.next(200_000),
        };
        let place = self.next(KEPT);
        if self.next(200) == 0 {
            self.beside.push(grow());
        }
        match self.values.get_mut(place) {
            None => self.values.push(Value { bytes: vec![is; len], is }),
            Some(value) => {
                value.check()?;
                // Longer or shorter, in its place or in another.
                value.bytes.resize(len, value.is);
                value.check()?;
                if len.is_multiple_of(3) {
                    *value = Value { bytes: vec![is; len], is };
                }
            }
        }
        Ok(())
    }
}

/// Some memory by the allocator of the target, which knows nothing of ours.
#[expect(unsafe_code, reason = "what another language in the same component would do")]
fn grow() -> &'static mut [u8] {
    const LAYOUT: Layout = Layout::new::<[u8; 70_000]>();
    // SAFETY: the layout has a size, and what comes of it is that long, zeroed and nobody else's.
    unsafe { std::slice::from_raw_parts_mut(System.alloc_zeroed(LAYOUT), LAYOUT.size()) }
}

impl Handler for Remembers {
    fn new() -> Result<Self> {
        Ok(Remembers { values: Vec::new(), beside: Vec::new(), random: 0x2545_F491_4F6C_DD1D })
    }

    fn on_event(&mut self, event: Event) -> Result {
        if let Event::Input { message, .. } = event {
            for _ in 0..message.payload.text()?.parse()? {
                self.step()?;
            }
            self.values.iter().try_for_each(Value::check)?;
            if self.beside.iter().any(|bytes| bytes.iter().any(|byte| *byte != 0)) {
                return Err("what is beside the allocator changed".into());
            }
            outputs::send("kept", format!("{} and {}", self.values.len(), self.beside.len()))?;
        }
        Ok(())
    }
}

handler!(Remembers);
