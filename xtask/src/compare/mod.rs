//! `cargo xtask compare`: measures Llamaglass and llama.cpp in turn, so that both see the same machine.
//!
//! A round runs every program once, in a process of its own, and the next round runs them in the opposite order. Ratios
//! are taken within a round, because a shared or warming machine changes more between two rounds than within one.

mod convert;
mod native;
mod report;
mod rounds;

use std::path::PathBuf;

use anyhow::{Context as _, Result, ensure};

use crate::command;
use crate::project::Project;
use crate::setup::{llama_cpp, model};
use native::{LlamaCpp, LlamaCppPython, Llamaglass};
use report::{CaseReport, Report};
use rounds::{Case, Program};

/// Load average above which a warning says that the machine is not idle.
const IDLE_LOAD: f64 = 0.3;

/// Arguments of `compare`.
#[derive(clap::Args)]
pub struct Args {
    /// GGUF files to measure with (default: the default model, which is fetched).
    models: Vec<PathBuf>,
    /// Also measure each model converted to these types by llama.cpp's quantizer, such as Q4_0,Q8_0,Q4_K_M. The
    /// converted files are in the cache and good for measuring speed only.
    #[arg(long, value_name = "TYPE,..", value_delimiter = ',')]
    quant: Vec<String>,
    /// Numbers of threads.
    #[arg(
        long,
        value_name = "N,..",
        value_delimiter = ',',
        default_value = "1,2"
    )]
    threads: Vec<usize>,
    /// Number of rounds; each runs every program once.
    #[arg(long, value_name = "N", default_value_t = 5)]
    rounds: usize,
    /// Prompt length in tokens, evaluated in one batch.
    #[arg(long, value_name = "N", default_value_t = 128)]
    prompt_tokens: usize,
    /// Tokens to generate per run.
    #[arg(long, value_name = "N", default_value_t = 64)]
    gen_tokens: usize,
    /// Instruction set of our kernels, such as avx2 (default: the fastest that the machine has).
    #[arg(long, value_name = "SET")]
    isa: Option<String>,
    /// Build of llama.cpp's CPU backend, such as haswell for AVX2 (default: the one that llama.cpp chooses).
    #[arg(long, value_name = "BUILD")]
    llama_build: Option<String>,
    /// Program to measure instead of a release build of llamaglass.
    #[arg(long, value_name = "PATH")]
    program: Option<PathBuf>,
    /// Also measure llama-cpp-python, which is installed for this Python interpreter.
    #[arg(long, value_name = "PATH")]
    python: Option<PathBuf>,
    /// Write all figures to this file, as JSON.
    #[arg(long, value_name = "FILE.json")]
    out: Option<PathBuf>,
    /// Further arguments of `llamaglass bench`, such as `-- --activations i16`.
    #[arg(last = true, value_name = "ARGS")]
    bench_args: Vec<String>,
}

/// Installs and builds what is missing, measures all programs in turn, and prints a table.
///
/// # Errors
/// If something can't be installed or built, or a program fails; the message says which.
pub fn run(project: &Project, args: &Args) -> Result<()> {
    ensure!(args.rounds > 0, "--rounds must be at least 1");
    ensure!(
        args.prompt_tokens > 1 && args.gen_tokens > 1,
        "--prompt-tokens and --gen-tokens must be at least 2"
    );
    ensure!(!args.threads.contains(&0), "--threads must be at least 1");
    let peer = llama_cpp::ensure(project)?;
    let models = models(project, args, &peer)?;
    let mut programs: Vec<Box<dyn Program>> = vec![
        Box::new(Llamaglass {
            program: program(project, args)?,
            extra: extra(args),
        }),
        Box::new(LlamaCpp {
            installed: peer,
            script: project.root.join(native::NODE_SCRIPT),
            build: args.llama_build.clone(),
        }),
    ];
    if let Some(python) = &args.python {
        programs.push(Box::new(LlamaCppPython {
            python: python.clone(),
            script: project.root.join(native::PYTHON_SCRIPT),
        }));
    }

    let mut report = Report::new(project);
    if report.machine.load_average > Some(IDLE_LOAD) {
        println!(
            "Warning: the machine is not idle (load average {:.1}); other programs distort the figures.",
            report.machine.load_average.unwrap_or_default()
        );
    }
    for model in &models {
        for &threads in &args.threads {
            let case = Case {
                model: model.clone(),
                threads,
                prompt_tokens: args.prompt_tokens,
                gen_tokens: args.gen_tokens,
            };
            println!("{case}");
            let rounds = rounds::interleave(&mut programs, &case, args.rounds)?;
            report
                .cases
                .push(CaseReport::new(&case, &programs, &rounds)?);
        }
    }
    print!("\n{report}");
    if let Some(file) = &args.out {
        report.write(file)?;
        println!("\nAll figures are in {}", file.display());
    }
    Ok(())
}

/// Returns the models to measure with: each one as it is, then converted to the given types.
fn models(project: &Project, args: &Args, peer: &llama_cpp::NodeLlamaCpp) -> Result<Vec<PathBuf>> {
    let given = if args.models.is_empty() {
        vec![model::ensure(project)?]
    } else {
        args.models.clone()
    };
    let mut models = Vec::new();
    for model in given {
        let model = model
            .canonicalize()
            .with_context(|| format!("there is no model {}", model.display()))?;
        models.push(model.clone());
        for quant in &args.quant {
            models.push(convert::ensure(project, peer, &model, quant)?);
        }
    }
    Ok(models)
}

/// Returns the program to measure: the given one, or a release build.
fn program(project: &Project, args: &Args) -> Result<PathBuf> {
    if let Some(program) = &args.program {
        return program
            .canonicalize()
            .with_context(|| format!("there is no program {}", program.display()));
    }
    let mut build = command::cargo(&project.root);
    build.args(["build", "--release", "--locked", "--package", "llamaglass"]);
    command::run(&mut build)?;
    let file = format!("llamaglass{}", std::env::consts::EXE_SUFFIX);
    Ok(project.target.join("release").join(file))
}

/// Returns the arguments of `llamaglass bench` that the user added.
fn extra(args: &Args) -> Vec<String> {
    let isa = args.isa.iter().flat_map(|isa| ["--isa", isa]);
    isa.map(str::to_owned)
        .chain(args.bench_args.iter().cloned())
        .collect()
}
