//! Information about a browser's adapter that wgpu does not pass on, and a feature that it does not request.

/// True if kernels are compiled by a browser.
pub const IN_BROWSER: bool = cfg!(target_arch = "wasm32");

/// Information from a browser about an adapter.
#[derive(Clone, Debug, Default)]
pub struct AdapterInfo {
    /// Vendor, architecture, device and description, as far as the browser gives them. wgpu passes on only the
    /// description, which most browsers leave empty.
    pub name: Option<String>,
    /// True if the adapter has subgroup operations. wgpu does not know this feature in browsers; `observe` adds it
    /// to the adapter's devices.
    pub subgroups: bool,
}

/// Observes the next adapter that wgpu requests from the browser.
#[derive(Debug)]
pub struct BrowserAdapter {
    #[cfg(target_arch = "wasm32")]
    info: std::rc::Rc<std::cell::RefCell<Option<AdapterInfo>>>,
}

/// Natively, wgpu gets everything from the driver.
#[cfg(not(target_arch = "wasm32"))]
impl BrowserAdapter {
    /// Does nothing natively.
    pub const fn observe() -> Self {
        Self {}
    }

    /// Returns `None` natively.
    pub const fn info(&self) -> Option<AdapterInfo> {
        None
    }
}

#[cfg(target_arch = "wasm32")]
mod browser {
    use std::cell::RefCell;
    use std::rc::Rc;

    use js_sys::{Array, Function, Object, Promise, Reflect};
    use wasm_bindgen::closure::Closure;
    use wasm_bindgen::{JsCast, JsValue};
    use wasm_bindgen_futures::{JsFuture, future_to_promise};

    use super::{AdapterInfo, BrowserAdapter};

    /// WebGPU feature that wgpu does not know in browsers.
    const SUBGROUPS: &str = "subgroups";

    impl BrowserAdapter {
        /// Starts observing the next adapter request.
        pub fn observe() -> Self {
            let info = Rc::default();
            // Fails in a browser without WebGPU, which has no adapter to observe.
            let _none = observe(Rc::clone(&info));
            Self { info }
        }

        /// Returns information about the adapter once it has been requested.
        pub fn info(&self) -> Option<AdapterInfo> {
            self.info.borrow().clone()
        }
    }

    fn get(of: &JsValue, key: &str) -> Result<JsValue, JsValue> {
        Reflect::get(of, &key.into())
    }

    /// Replaces `of[key]`, a method with one argument, for its next call.
    fn replace_once<F>(of: &JsValue, key: &'static str, call: F) -> Result<(), JsValue>
    where
        F: FnOnce(&Function, JsValue) -> Result<JsValue, JsValue> + 'static,
    {
        let method: Function = get(of, key)?.dyn_into()?;
        let this = of.clone();
        let once = Closure::once_into_js(move |argument: JsValue| -> Result<JsValue, JsValue> {
            // The replacement is the object's own property; deleting it uncovers the prototype's method.
            Reflect::delete_property(this.unchecked_ref::<Object>(), &key.into())?;
            call(&method, argument)
        });
        Reflect::set(of, &key.into(), &once).map(drop)
    }

    fn observe(info: Rc<RefCell<Option<AdapterInfo>>>) -> Result<(), JsValue> {
        let gpu = get(&get(&js_sys::global(), "navigator")?, "gpu")?;
        let this = gpu.clone();
        replace_once(&gpu, "requestAdapter", move |request, options| {
            let promise: Promise = request.call1(&this, &options)?.dyn_into()?;
            let adapter = async move {
                let adapter = JsFuture::from(promise).await?;
                if !adapter.is_null() {
                    *info.borrow_mut() = Some(read_info(&adapter)?);
                }
                Ok(adapter)
            };
            Ok(future_to_promise(adapter).into())
        })
    }

    /// Reads the adapter's information, and makes its next device request include subgroups if the adapter has
    /// them.
    fn read_info(adapter: &JsValue) -> Result<AdapterInfo, JsValue> {
        let info = get(adapter, "info")?;
        let parts: Vec<String> = ["vendor", "architecture", "device", "description"]
            .iter()
            .filter_map(|key| get(&info, key).ok()?.as_string())
            .filter(|part| !part.is_empty())
            .collect();
        let features = get(adapter, "features")?;
        let has: Function = get(&features, "has")?.dyn_into()?;
        let subgroups = has.call1(&features, &SUBGROUPS.into())?.is_truthy();
        if subgroups {
            let this = adapter.clone();
            replace_once(adapter, "requestDevice", move |request, descriptor| {
                let wanted = get(&descriptor, "requiredFeatures")?;
                let wanted = match wanted.is_undefined() {
                    true => Array::new(),
                    false => Array::from(&wanted),
                };
                wanted.push(&SUBGROUPS.into());
                Reflect::set(&descriptor, &"requiredFeatures".into(), &wanted)?;
                request.call1(&this, &descriptor)
            })?;
        }
        Ok(AdapterInfo {
            name: (!parts.is_empty()).then(|| parts.join(" ")),
            subgroups,
        })
    }
}
