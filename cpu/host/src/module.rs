//! Loads the module and starts its helpers.

use js_sys::{Function, Int32Array, Object, Promise, WebAssembly};
use llamaglass_cpu::ModelError;
use wasm_bindgen::{JsCast, JsValue};

use crate::calls::Calls;
use crate::files::Files;
use crate::helpers::Helpers;
use crate::js::{get, global, message, method, set, wait};
use crate::memory::Memory;

/// Maximum number of threads that are started by default: more gain nothing where memory is the limit.
const MAX_DEFAULT_THREADS: usize = 8;

/// A loaded module with its helper threads.
#[derive(Debug)]
pub struct Module {
    /// Its functions and its memory.
    pub calls: Calls,
    /// Number of threads, among them the caller.
    pub threads: usize,
    _helpers: Helpers,
}

impl Module {
    /// Loads the module, with up to `threads` threads.
    pub async fn load(files: &Files, threads: usize) -> Result<Self, ModelError> {
        match Memory::shared() {
            Some(memory) => Self::load_threaded(files, threads, memory).await,
            None => Self::load_single(files).await,
        }
    }

    async fn load_threaded(
        files: &Files,
        threads: usize,
        memory: Memory,
    ) -> Result<Self, ModelError> {
        let failed = |error: JsValue| failure(&files.threaded, &error);
        let module = compile(&files.threaded).await.map_err(failed)?;
        let imports = imports(&memory.buffer()).map_err(failed)?;
        set(&imports, "memory", memory.object());
        let exports = instantiate(&module, &imports).await.map_err(failed)?;
        let helpers = if threads > 1 && is_isolated() {
            Helpers::start(&files.helper, &module, &memory, threads - 1).await
        } else {
            Helpers::default()
        };
        Ok(Self {
            calls: Calls::new(&exports, memory).map_err(failed)?,
            threads: helpers.count() + 1,
            _helpers: helpers,
        })
    }

    async fn load_single(files: &Files) -> Result<Self, ModelError> {
        let failed = |error: JsValue| failure(&files.single, &error);
        let module = compile(&files.single).await.map_err(failed)?;
        // A single thread never waits, so it needs no memory for that.
        let imports = imports(&Int32Array::new_with_length(1).buffer()).map_err(failed)?;
        let exports = instantiate(&module, &imports).await.map_err(failed)?;
        let memory = Memory::exported(&exports);
        Ok(Self {
            calls: Calls::new(&exports, memory).map_err(failed)?,
            threads: 1,
            _helpers: Helpers::default(),
        })
    }
}

/// Returns the number of threads that a model gets by default: one per core if the page is isolated, else 1.
pub fn default_threads() -> usize {
    if !is_isolated() {
        return 1;
    }
    let cores = get(&global("navigator"), "hardwareConcurrency").as_f64();
    cores
        .map_or(1, |cores| cores as usize)
        .clamp(1, MAX_DEFAULT_THREADS)
}

/// Returns true if the page is cross-origin isolated, so that workers can share memory.
fn is_isolated() -> bool {
    global("crossOriginIsolated").is_truthy()
}

/// Compiles the module at `url`, while it is downloaded if the browser and the server allow that.
async fn compile(url: &str) -> Result<WebAssembly::Module, JsValue> {
    let fetch = || method(&js_sys::global(), "fetch")?.call1(&JsValue::UNDEFINED, &url.into());
    let response: Promise = fetch()?.dyn_into()?;
    let module = match wait(WebAssembly::compile_streaming(&response).into()).await {
        Ok(module) => module,
        Err(_) => {
            let response = wait(fetch()?).await?;
            if get(&response, "ok").is_falsy() {
                let status = get(&response, "status").as_f64().unwrap_or_default();
                let text = format!("the server answered {status}");
                return Err(js_sys::Error::new(&text).into());
            }
            let bytes = wait(method(&response, "arrayBuffer")?.call0(&response)?).await?;
            wait(WebAssembly::compile(&bytes).into()).await?
        }
    };
    module.dyn_into()
}

async fn instantiate(
    module: &WebAssembly::Module,
    environment: &Object,
) -> Result<JsValue, JsValue> {
    let imports = Object::new();
    set(&imports, "env", environment);
    let instance = wait(WebAssembly::instantiate_module(module, &imports).into()).await?;
    Ok(get(&instance, "exports"))
}

/// Returns what the module imports, without its memory. The functions are the browser's own, so that no call of the
/// module passes through this program.
fn imports(buffer: &JsValue) -> Result<Object, JsValue> {
    let imports = Object::new();
    let performance = global("performance");
    let now = method(&performance, "now")?;
    set(&imports, "now", &now.bind0(&performance));
    let atomics = global("Atomics");
    let words = Int32Array::new(buffer);
    for name in ["wait", "notify"] {
        let function: Function = method(&atomics, name)?;
        set(&imports, name, &function.bind1(&atomics, &words));
    }
    Ok(imports)
}

fn failure(file: &str, error: &JsValue) -> ModelError {
    ModelError::Module(format!("{file} could not be loaded: {}", message(error)))
}
