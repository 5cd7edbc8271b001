//! The figures that the README promises, each made anew: `cargo run --release --example proof -- NAME`.
//!
//! Every proof prints one line last, `NAME: figure unit, ok` or `short`, and ends with code 1 when it is
//! short.

#![expect(clippy::print_stdout, reason = "what a proof prints is what it is for")]

mod contract;
mod copies;
mod hostile;
mod restart;
mod scale;
mod stop;
#[path = "../hostile/mod.rs"]
mod suite;
mod support;
mod swap;
#[expect(unreachable_pub, reason = "the tests of the host have it at another place")]
#[path = "../support/wat.rs"]
mod wat;

use std::process::ExitCode;

use support::Figure;

fn main() -> anyhow::Result<ExitCode> {
    let name = std::env::args().nth(1).unwrap_or_default();
    let proof: fn() -> anyhow::Result<Figure> = match name.as_str() {
        "contract" => contract::prove,
        "scale" => scale::prove,
        "copies" => copies::prove,
        "contained" => hostile::prove_contained,
        "hostile" => hostile::prove,
        "restart" => restart::prove,
        "stop" => stop::prove,
        "swap" => swap::prove,
        _ => anyhow::bail!(
            "name a proof: contract, scale, copies, contained, hostile, restart, stop or swap"
        ),
    };
    let figure = proof()?;
    let verdict = if figure.ok { "ok" } else { "short" };
    println!("{name}: {}, {verdict}", figure.text);
    Ok(if figure.ok { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
