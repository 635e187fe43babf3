//! The only test of `browser_crash`.

use leptos::prelude::*;
use llamaglass_app::protocol::{EngineReply, WindowReply};
use llamaglass_app::server::ServerModel;
use llamaglass_app::state::{self, App};
use llamaglass_openai::ServedModel;
use wasm_bindgen::prelude::*;
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_browser);

fn script(body: &str) -> JsValue {
    js_sys::Function::new_no_args(body)
        .call0(&JsValue::NULL)
        .unwrap()
}

fn panic() {
    panic!("an index is out of bounds");
}

#[wasm_bindgen_test]
fn panic_shows_one_card_saves_the_conversation_and_silences_replies() {
    let storage = window().local_storage().unwrap().unwrap();
    storage.clear().unwrap();
    let owner = Owner::new();
    let app = owner.with(App::new);
    let server = ServerModel {
        url: "http://ours.test/v1".into(),
        model: ServedModel {
            id: "tiny".into(),
            context_length: None,
            sends_timings: false,
        },
    };
    let server = Box::new(server);
    state::handle_reply(app, EngineReply::Connected { server });
    state::send(app, "Remember me.".into());
    storage.clear().unwrap();
    script("window.cards = []; window.llamaglassCrash = message => window.cards.push(message)");
    state::report_panics(app);

    let panics: JsValue = Closure::once_into_js(panic);
    let run = js_sys::Function::new_with_args(
        "panics",
        "try { panics(); return '' } catch (error) { return error.constructor.name }",
    );
    let trap = run.call1(&JsValue::NULL, &panics).unwrap();
    assert_eq!(trap.as_string().as_deref(), Some("RuntimeError"));

    let cards = script("return window.cards.join('|')").as_string().unwrap();
    let count = cards.matches("an index is out of bounds").count();
    assert_eq!(count, 1, "{cards}");
    let saved = storage.get_item("llamaglass.chat").unwrap().unwrap();
    assert!(saved.contains("Remember me."), "{saved}");
    let text = "news".into();
    state::handle_reply(app, WindowReply::Notice { text });
    assert_eq!(app.notice.get_untracked(), None);
}
