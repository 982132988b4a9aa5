//! What Linux says about this process. Read by ourselves, because the usual collector takes the start time from
//! `/proc/stat`, which our systemd unit hides (`ProcSubset=pid`), and would then report 1970.

use std::fs;

/// The kernel counts processor time for user space in hundredths of a second on every platform we build for.
const TICKS_PER_SECOND: f64 = 100.0;

/// A look at the process; what cannot be read is `None`, as on systems without `/proc`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Sample {
    /// Bytes of memory in use.
    pub resident: Option<f64>,
    /// Threads.
    pub threads: Option<f64>,
    /// Open file descriptors.
    pub open_files: Option<f64>,
    /// How many may be open.
    pub most_files: Option<f64>,
    /// Seconds of processor time, ours and the kernel's for us.
    pub cpu: Option<f64>,
}

impl Sample {
    /// Looks now.
    pub fn take() -> Self {
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        let limits = fs::read_to_string("/proc/self/limits").unwrap_or_default();
        let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
        Self {
            resident: number_after(&status, "VmRSS:").map(|kib| kib * 1024.0),
            threads: number_after(&status, "Threads:"),
            // The listing itself holds one open.
            open_files: fs::read_dir("/proc/self/fd")
                .ok()
                .and_then(|listing| u32::try_from(listing.count()).ok())
                .map(|open| f64::from(open.saturating_sub(1))),
            most_files: number_after(&limits, "Max open files"),
            cpu: cpu_seconds(&stat),
        }
    }
}

/// The first number after a heading.
fn number_after(text: &str, heading: &str) -> Option<f64> {
    let rest = text.lines().find_map(|line| line.strip_prefix(heading))?;
    rest.split_whitespace().next()?.parse().ok()
}

/// Fields 14 and 15 of proc(5); the name in field 2 may hold blanks and brackets.
fn cpu_seconds(stat: &str) -> Option<f64> {
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let mut ticks = || fields.next()?.parse::<f64>().ok();
    Some((ticks()? + ticks()?) / TICKS_PER_SECOND)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_texts_are_read() {
        assert_eq!(number_after("Name:\tmingji\nVmRSS:\t  2048 kB\n", "VmRSS:"), Some(2048.0));
        assert_eq!(
            number_after("Max open files            1024                 4096   files\n", "Max open files"),
            Some(1024.0)
        );
        let stat = "7 (a) b) S 1 7 7 0 -1 4194560 900 0 0 0 250 50 0 0 20 0 4 0 999";
        assert_eq!(cpu_seconds(stat), Some(3.0));
        assert_eq!(cpu_seconds(""), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_process_has_memory_and_files() {
        let Sample { resident, threads, open_files, most_files, cpu } = Sample::take();
        assert!(resident.unwrap() > 1e6 && threads.unwrap() >= 1.0 && cpu.is_some());
        assert!((3.0..=most_files.unwrap()).contains(&open_files.unwrap()));
    }
}
