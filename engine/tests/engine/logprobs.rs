//! Log-probabilities of tokens on every backend.

use llamaglass_engine::event::{Event, TokenLogprobs};
use llamaglass_engine::scheduler::Request;
use llamaglass_engine::{Engine, LoadOptions};

use super::support::{BACKENDS, answer, engine, engine_with, odd_config, on, prompt, request, run};

fn asking(top: usize, penalty: f32) -> Request {
    let mut request = request(prompt(9), 6);
    request.logprobs = Some(top);
    request.sampling.repetition_penalty = penalty;
    request
}

/// Returns the ids and log-probabilities of each request.
fn told(engine: &mut Engine, requests: Vec<Request>) -> Vec<Vec<(u32, Option<TokenLogprobs>)>> {
    let ids: Vec<_> = requests.into_iter().map(|r| engine.submit(r)).collect();
    let mut all = vec![Vec::new(); ids.len()];
    run(engine, |_, event| {
        let at = ids.iter().position(|id| *id == event.request()).unwrap();
        if let Event::Token { id, logprobs, .. } = event {
            all[at].push((id, logprobs));
        }
    });
    all
}

fn assert_close(got: &TokenLogprobs, wanted: &TokenLogprobs) {
    let close = |got: f32, wanted: f32| {
        assert!(
            (got - wanted).abs() <= 1e-4 * wanted.abs().max(1.0),
            "{got}, not {wanted}"
        );
    };
    close(got.logprob, wanted.logprob);
    assert_eq!(got.top.len(), wanted.top.len());
    for ((id, got), (wanted_id, wanted)) in got.top.iter().zip(&wanted.top) {
        assert_eq!(id, wanted_id);
        close(*got, *wanted);
    }
}

/// Without penalties a greedy sample is the most probable id. Penalties do not change the log-probabilities,
/// which are the model's own.
#[test]
fn logprobs_are_the_models_own_on_every_backend() {
    for penalty in [1.0, 1.4] {
        let [cpu, gpu] = BACKENDS.map(|backend| {
            let mut engine = engine(backend);
            told(&mut engine, vec![asking(5, penalty)]).remove(0)
        });
        assert_eq!(cpu.len(), 6);
        for ((id, got), (wanted_id, wanted)) in gpu.iter().zip(&cpu) {
            assert_eq!(id, wanted_id);
            let (got, wanted) = (got.as_ref().unwrap(), wanted.as_ref().unwrap());
            assert_close(got, wanted);
            assert_eq!(got.top.len(), 5);
            assert!(got.top.windows(2).all(|pair| pair[0].1 >= pair[1].1));
            assert!(got.logprob <= got.top[0].1 && got.top[0].1 < 0.0);
            if penalty == 1.0 {
                assert_eq!((got.top[0].0, got.top[0].1), (*id, got.logprob));
            }
        }
    }
}

#[test]
fn batched_requests_get_the_logprobs_they_asked_for() {
    for backend in BACKENDS {
        let options = LoadOptions {
            batch: Some(3),
            ..on(backend)
        };
        let mut batch = engine_with(&odd_config(), &options);
        let all = vec![asking(2, 1.0), request(prompt(4), 6), asking(0, 1.0)];
        let got = told(&mut batch, all);
        let tops = |answer: &[(u32, Option<TokenLogprobs>)]| -> Vec<Option<usize>> {
            let told = answer.iter().map(|(_, logprobs)| logprobs.as_ref());
            told.map(|logprobs| logprobs.map(|l| l.top.len())).collect()
        };
        assert_eq!(tops(&got[0]), [Some(2); 6]);
        assert_eq!(tops(&got[1]), [None; 6]);
        assert_eq!(tops(&got[2]), [Some(0); 6]);
    }
}

#[test]
fn request_for_too_many_logprobs_is_refused() {
    for backend in BACKENDS {
        let got = answer(&mut engine(backend), asking(21, 1.0));
        let error = got.error.unwrap();
        assert!(error.contains("at most 20"), "{error}");
    }
}
