//! An adapter's name, where wgpu knows none.

/// What the browser calls the adapter that it hands out first: vendor, architecture, device and
/// description, as far as it tells. wgpu passes on the description only, which most browsers leave
/// empty.
#[cfg(target_arch = "wasm32")]
pub async fn adapter_name() -> Option<String> {
    use js_sys::{Function, Object, Promise, Reflect};
    use wasm_bindgen::{JsCast, JsValue};
    use wasm_bindgen_futures::JsFuture;

    let get = |of: &JsValue, key: &str| Reflect::get(of, &key.into()).ok();
    let gpu = get(&get(&js_sys::global(), "navigator")?, "gpu")?;
    let request: Function = get(&gpu, "requestAdapter")?.dyn_into().ok()?;
    let options = Object::new();
    Reflect::set(
        &options,
        &"powerPreference".into(),
        &"high-performance".into(),
    )
    .ok()?;
    let promise: Promise = request.call1(&gpu, &options).ok()?.dyn_into().ok()?;
    let adapter = JsFuture::from(promise).await.ok()?;
    let info = get(&adapter, "info")?;
    let parts: Vec<String> = ["vendor", "architecture", "device", "description"]
        .iter()
        .filter_map(|key| get(&info, key)?.as_string())
        .filter(|part| !part.is_empty())
        .collect();
    (!parts.is_empty()).then(|| parts.join(" "))
}

/// Natively the driver names its adapters.
#[cfg(not(target_arch = "wasm32"))]
pub async fn adapter_name() -> Option<String> {
    None
}
