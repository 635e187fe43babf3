//! Tests of a server whose engine has panicked.

use llamaglass_lab::StubLevel;
use std::net::Ipv4Addr;
use std::path::Path;

use axum::body::Body;
use llamaglass_engine::{BackendChoice, LoadOptions};

use super::*;

fn tiny() -> SharedEngine {
    let folder = "../engine/tests/data/families/llama-tied-gguf/llama-tied-gguf.Q4_K_M.gguf";
    let model = Model::at(Path::new(folder)).expect("the committed model");
    let options = LoadOptions {
        backend: BackendChoice::Cpu,
        ..LoadOptions::default()
    };
    SharedEngine::spawn(StubLevel::Whole, move || {
        model.load(&options, StubLevel::Whole, &mut |_| {})
    })
    .expect("it loads")
}

async fn health(router: &Router) -> u16 {
    let request = axum::http::Request::get("/health").body(Body::empty());
    let response = router.clone().oneshot(request.expect("valid")).await;
    response.expect("infallible").status().as_u16()
}

#[test]
fn server_ends_with_error_when_engine_panics() {
    let mut engine = tiny();
    let settings = ServeSettings::for_ourselves();
    let app = Arc::new(App::new(&engine, "tiny".into(), &settings));
    let router = router(Arc::clone(&app), &settings).expect("routes");
    let ended = engine.ended();
    let address = SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 0);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        assert_eq!(health(&router).await, 200);
        let panic = |_: &mut llamaglass_engine::Engine| panic!("on purpose");
        app.engine.with_later(panic).expect("the engine is there");
        let ending = serve(address, Arc::clone(&app), &settings, ended).await;
        assert_eq!(ending.expect("it could listen"), Ending::EngineEnded);
        assert_eq!(health(&router).await, 503);
    });
}
