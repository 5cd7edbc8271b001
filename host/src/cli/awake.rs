//! How soon each core of the machine is ready to run, by the quality of service of Linux's power management:
//! <https://docs.kernel.org/power/pm_qos_interface.html>.

use std::fs::File;
use std::io::{self, Write as _};
use std::time::Duration;

use super::open::Rejection;
use super::text::{error_text, help_text};

/// The least of what is written here counts, each for as long as its file is open.
const DEVICE: &str = "/dev/cpu_dma_latency";

/// No core sleeps so deeply that it takes longer than `within` to wake up, for as long as the file is open.
pub(super) fn keep_ready(within: Duration) -> Result<File, Rejection> {
    ask(DEVICE, within)
}

/// Microseconds as an `s32`; what that cannot hold is longer than any core takes.
fn ask(device: &str, within: Duration) -> Result<File, Rejection> {
    let microseconds = i32::try_from(within.as_micros()).unwrap_or(i32::MAX);
    let written = || {
        let mut device = File::options().write(true).open(device)?;
        device.write_all(&microseconds.to_ne_bytes())?;
        Ok(device)
    };
    written().map_err(|error: io::Error| {
        let problem = error_text(&format!("`--cpu-latency` cannot write to `{device}`: {error}"));
        let help = "only root may, unless a rule of udev lets your group: KERNEL==\"cpu_dma_latency\", GROUP=\"realtime\", MODE=\"0660\"";
        Rejection(problem + &help_text(help))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_is_asked_for_in_microseconds() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let asked = |within| {
            ask(file.path().to_str().unwrap(), within).unwrap();
            i32::from_ne_bytes(std::fs::read(file.path()).unwrap().try_into().unwrap())
        };
        assert_eq!(asked(Duration::from_nanos(20_900)), 20);
        assert_eq!(asked(Duration::from_secs(1 << 40)), i32::MAX);
        assert_eq!(asked(Duration::ZERO), 0);
    }

    #[test]
    fn who_may_not_write_there_is_told_what_would_help() {
        for (device, reason) in [("/no/such", "No such file"), ("/dev/full", "No space left")] {
            let Rejection(text) = ask(device, Duration::ZERO).unwrap_err();
            let text = anstream::adapter::strip_str(&text).to_string();
            assert!(
                text.contains(&format!("`--cpu-latency` cannot write to `{device}`: {reason}")),
                "{text}"
            );
            assert!(text.contains("help: only root may, unless"), "{text}");
        }
    }
}
