//! Runs all cases of a reference in sequence.

use super::blocks::block_cases;
use super::logits::{generate_case, greedy_case, logits_case, perplexity_case};
use super::reference::Reference;
use super::report::{CaseResult, Kind, Report};
use super::text::{chat_cases, tokenizer_cases};
use llamaglass_engine::Engine;

/// Runs the cases of `kinds` and passes each result to `visit` as soon as it is there.
///
/// An error in a case fails only that case. A file without cases counts as a failed case.
pub async fn run(
    engine: &mut Engine,
    reference: &Reference,
    kinds: &[Kind],
    visit: &mut dyn FnMut(&CaseResult),
) -> Report {
    let mut report = Report {
        notes: reference.notes().to_vec(),
        ..Report::default()
    };
    for kind in Kind::ALL.into_iter().filter(|kind| kinds.contains(kind)) {
        let before = report.cases.len();
        let mut add = |case: CaseResult| {
            visit(&case);
            report.cases.push(case);
        };
        run_kind(engine, reference, kind, &mut add).await;
        if !reference.has(kind) {
            report.absent.push(kind.file().to_owned());
        } else if report.cases.len() == before {
            let mut case = CaseResult::new(kind, kind.file());
            case.fail("the file holds no case");
            visit(&case);
            report.cases.push(case);
        }
    }
    report.absent.dedup();
    report
}

async fn run_kind(
    engine: &mut Engine,
    reference: &Reference,
    kind: Kind,
    add: &mut dyn FnMut(CaseResult),
) {
    let greedy = reference.greedy.iter().flat_map(|file| &file.cases);
    match kind {
        Kind::Tokenizer => {
            let file = reference.tokenizer.iter();
            file.flat_map(|file| tokenizer_cases(engine.tokenizer(), file))
                .for_each(add);
        }
        Kind::Chat => {
            let file = reference.chat.iter();
            file.flat_map(|file| chat_cases(engine.tokenizer(), file))
                .for_each(add);
        }
        Kind::QuantBlocks => reference
            .quant_blocks
            .iter()
            .flat_map(block_cases)
            .for_each(add),
        Kind::Logits => {
            if let Some(file) = &reference.logits {
                for case in &file.cases {
                    add(logits_case(engine, case, &file.indices).await);
                }
            }
        }
        Kind::Greedy => {
            for case in greedy {
                add(greedy_case(engine, case).await);
            }
        }
        Kind::Generate => {
            for case in greedy {
                add(generate_case(engine, case).await);
            }
        }
        Kind::Perplexity => {
            for case in reference.perplexity.iter().flat_map(|file| &file.cases) {
                add(perplexity_case(engine, case).await);
            }
        }
    }
}
