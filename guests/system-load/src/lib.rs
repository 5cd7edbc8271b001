//! On each tick: CPU load and memory in use, in percent; `samples` times, or without end. The quick
//! start, which `tests/host/quickstart.rs` runs.

use std::fs;

use thalweg_guest::{
    Encoding, Error, Event, Handler, Result, handler, lifecycle, outputs, parameters,
};

struct SystemLoad {
    /// The times at the tick before.
    before: Option<CpuTimes>,
    /// How many more times; 0 is without end.
    samples: u64,
}

/// Since the machine started.
#[derive(Clone, Copy)]
struct CpuTimes {
    idle: f64,
    total: f64,
}

impl Handler for SystemLoad {
    fn new() -> Result<Self> {
        Ok(SystemLoad { before: None, samples: parameters::get_or("samples", 0)? })
    }

    fn on_event(&mut self, event: Event) -> Result {
        let Event::Tick { .. } = event else { return Ok(()) };
        let now = cpu_times()?;
        if let Some(before) = self.before.replace(now)
            && now.total > before.total
        {
            let idle = (now.idle - before.idle) / (now.total - before.total);
            send("cpu", 1.0 - idle.clamp(0.0, 1.0))?;
        }
        send("memory", 1.0 - memory("MemAvailable:")? / memory("MemTotal:")?)?;
        if self.samples == 1 {
            lifecycle::finish();
        }
        self.samples = self.samples.saturating_sub(1);
        Ok(())
    }
}

handler!(SystemLoad);

fn send(output: &str, part: f64) -> Result {
    let percent = format!("{:.1}", 100.0 * part);
    Ok(outputs::send_with(output, percent, Encoding::Raw, &[("unit".into(), "%".into())])?)
}

fn cpu_times() -> Result<CpuTimes> {
    let stat = read("/proc/stat")?;
    // user, nice, system, idle, iowait, irq, softirq, steal; the rest is counted in user and nice too
    let times = stat.lines().next().into_iter().flat_map(str::split_whitespace).skip(1).take(8);
    let times: Vec<f64> = times.map(str::parse).collect::<Result<_, _>>()?;
    Ok(CpuTimes { idle: times.iter().skip(3).take(2).sum(), total: times.iter().sum() })
}

fn memory(name: &str) -> Result<f64> {
    let meminfo = read("/proc/meminfo")?;
    let line = meminfo.lines().find_map(|line| line.strip_prefix(name));
    let number = line.and_then(|line| line.split_whitespace().next());
    Ok(number.ok_or_else(|| format!("`/proc/meminfo` has no `{name}`"))?.parse()?)
}

fn read(path: &str) -> Result<String> {
    fs::read_to_string(path).map_err(|error| {
        Error::new(format_args!(
            "cannot read `{path}`: {error}; this node needs `grants: {{ read: {{ /proc: /proc }} }}`"
        ))
    })
}
