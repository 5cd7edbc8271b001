use std::hint::black_box;
use std::time::Duration;

use thalweg_guest::{Event, Handler, Payload, Result, Value, outputs, parameters};

pub(crate) struct Misbehaves {
    pub(crate) how: String,
    /// Counted from 1. 0 is before the first event.
    at: u64,
    events: u64,
}

impl Handler for Misbehaves {
    fn new() -> Result<Self> {
        let node = Misbehaves {
            how: parameters::require("how")?,
            at: parameters::get_or("at", 1)?,
            events: 0,
        };
        if node.at == 0 {
            misbehave(&node.how)?;
        }
        Ok(node)
    }

    fn on_event(&mut self, event: Event) -> Result {
        self.events += 1;
        if self.how == "as-told" {
            return as_told(event);
        }
        if self.how == "ignores-stop" && matches!(event, Event::Stop(_)) {
            misbehave("sleeps")?;
        }
        if self.events == self.at { misbehave(&self.how) } else { Ok(()) }
    }
}

/// Does what parameter `harm` of a message names, and sends on a message that names nothing.
fn as_told(event: Event) -> Result {
    let Event::Input { message, .. } = event else { return Ok(()) };
    if let Some(Value::Text(harm)) = message.metadata.parameter("harm") {
        return misbehave(harm);
    }
    Ok(outputs::forward("out", message)?)
}

fn misbehave(how: &str) -> Result {
    match how {
        "traps" => std::arch::wasm32::unreachable(),
        "spins" => loop {
            std::hint::spin_loop();
        },
        "sleeps" => loop {
            std::thread::sleep(Duration::from_secs(3600));
        },
        "allocates" => {
            let mut held = Vec::new();
            loop {
                held.push(black_box(vec![1_u8; 1 << 20]));
            }
        }
        "recurses" => Err(recurse(0).to_string())?,
        "holds-handles" => {
            let payload = Payload::shared(b"held");
            let mut held = Vec::new();
            loop {
                held.push(payload.share());
            }
        }
        "floods" => loop {
            outputs::send("out", [0_u8; 1024].as_slice())?;
        },
        "sends-unknown" => Ok(outputs::send("no-such-output", "")?),
        "sends-too-large" => Ok(outputs::send("out", vec![0; (64 << 20) + 1])?),
        "fails" => Err("told to fail")?,
        "panics" => panic!("told to panic"),
        "exits" => std::process::exit(3),
        "exits-well" => std::process::exit(0),
        "ignores-stop" | "asks-on" | "as-told" => Ok(()),
        other => Err(format!("parameter `how`: `{other}` is no way to misbehave"))?,
    }
}

#[expect(unconditional_recursion, reason = "it ends at the limit of the stack")]
fn recurse(depth: u64) -> u64 {
    black_box(recurse(black_box(depth + 1))) + 1
}
