//! What is measured of the runtime itself, and of the machine: `cargo run --release --example bench -- NAME
//! key=value...`. Prints one line of JSON; `benches/` starts it and compares.

#![expect(clippy::print_stdout, reason = "what a measurement prints is what it is for")]

mod flow;
mod growth;
mod latency;
mod limits;
mod line;
mod settings;
mod start;
mod throughput;

use settings::Settings;

fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let name = arguments.next().unwrap_or_default();
    let measure: fn(&Settings) -> anyhow::Result<serde_json::Value> = match name.as_str() {
        "growth" => growth::measure,
        "latency" => latency::measure,
        "limits" => limits::measure,
        "line" => line::measure,
        "start" => start::measure,
        "throughput" => throughput::measure,
        _ => {
            anyhow::bail!("name a measurement: growth, latency, limits, line, start or throughput")
        }
    };
    println!("{}", measure(&Settings::new(arguments)?)?);
    Ok(())
}
