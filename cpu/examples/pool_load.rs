//! Times steps of many short jobs on one thread and on several, alone and beside busy processes.
//!
//! `cargo run --release -p llamaglass-cpu --example pool_load -- [threads] [busy processes]`

#![expect(clippy::print_stdout, reason = "an example reports its figures")]

use std::env;
use std::hint::black_box;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use llamaglass_cpu::pool::{Pool, default_threads};

/// Jobs per step, as many as a step of a small model has.
const JOBS: usize = 150;
/// Units of work per job, which take about 20 us on one thread.
const UNITS: usize = 64;
/// How long each number of threads is timed in turn.
const TURN: Duration = Duration::from_millis(500);
const TURNS: usize = 6;

/// Argument with which this program keeps one core busy.
const BUSY: &str = "busy";

fn main() {
    let arguments: Vec<String> = env::args().skip(1).collect();
    if arguments.first().is_some_and(|first| first == BUSY) {
        loop {
            black_box(unit(1));
        }
    }
    let number = |index: usize| arguments.get(index).and_then(|text| text.parse().ok());
    let threads = number(0).unwrap_or_else(default_threads);
    let mut pool = Pool::new(threads);
    println!(
        "a job of nothing takes {:.2} us on {threads} threads",
        empty_job_us(&pool)
    );
    let processes: usize = number(1).unwrap_or(threads);
    compare(&mut pool, threads, "alone");
    let busy = Busy::start(processes);
    compare(
        &mut pool,
        threads,
        &format!("beside {processes} busy processes"),
    );
    drop(busy);
}

/// Prints the median time of a step on one thread and on `threads`.
fn compare(pool: &mut Pool, threads: usize, title: &str) {
    let mut times = [Vec::new(), Vec::new()];
    let mut rates = [Vec::new(), Vec::new()];
    for _ in 0..TURNS {
        for (index, active) in [1, threads].into_iter().enumerate() {
            pool.set_threads(active);
            let start = Instant::now();
            let mut steps = 0;
            while start.elapsed() < TURN {
                let start = Instant::now();
                step(pool);
                times[index].push(start.elapsed().as_secs_f64() * 1e3);
                steps += 1;
            }
            rates[index].push(f64::from(steps) / start.elapsed().as_secs_f64());
        }
    }
    let [one, many] = rates.map(median);
    let [one_ms, many_ms] = times.map(median);
    println!(
        "{title}: 1 thread {one:.0} steps/s (median {one_ms:.2} ms), {threads} threads {many:.0} steps/s (median \
         {many_ms:.2} ms), {:.2}x",
        many / one
    );
}

fn step(pool: &Pool) {
    for _ in 0..JOBS {
        pool.ranges(UNITS, 4, &|_, range| {
            for item in range {
                black_box(unit(item as u64));
            }
        });
    }
}

/// A unit of work of about 0.3 us.
fn unit(seed: u64) -> u64 {
    (0..300).fold(seed, |state, index| {
        black_box(state.rotate_left(7) ^ index).wrapping_mul(0x9e37_79b9)
    })
}

fn empty_job_us(pool: &Pool) -> f64 {
    let runs = 10_000;
    let times = (0..11).map(|_| {
        let start = Instant::now();
        for _ in 0..runs {
            pool.run(4 * pool.threads(), &|_, piece| {
                black_box(piece);
            });
        }
        start.elapsed().as_secs_f64() * 1e6 / f64::from(runs)
    });
    median(times.collect())
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Processes that do nothing but keep cores busy, until this is dropped.
struct Busy(Vec<Child>);

impl Busy {
    fn start(processes: usize) -> Self {
        let program = env::current_exe().expect("path of this program");
        Self(
            (0..processes)
                .map(|_| Command::new(&program).arg(BUSY).spawn().expect("started"))
                .collect(),
        )
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        for process in &mut self.0 {
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}
