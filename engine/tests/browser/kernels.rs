//! Compiles the kernels with a browser's own compiler. It is stricter than naga, above all about barriers in
//! control flow that it can't prove to be uniform.

use llamaglass_engine::forward::find_adapter;
use llamaglass_shaders::kernels;
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_dedicated_worker);

#[wasm_bindgen_test]
async fn browser_accepts_every_kernel() {
    let (_, adapter, info) = find_adapter(None).await.unwrap();
    // Without subgroups, a browser rejects the variants that use them.
    assert!(
        info.features.iter().any(|name| name == "subgroups"),
        "{info:?}"
    );
    let (device, _queue) = adapter.request_device(&Default::default()).await.unwrap();
    let mut refused = Vec::new();
    for kernel in kernels() {
        let module = device.create_shader_module(wgpu::ShaderModuleDescriptor {
            label: None,
            source: wgpu::ShaderSource::Wgsl(kernel.browser_source().into()),
        });
        for message in module.get_compilation_info().await.messages {
            if message.message_type == wgpu::CompilationMessageType::Error {
                refused.push(format!("{}: {}", kernel.label(), message.message));
            }
        }
    }
    assert!(refused.is_empty(), "{refused:#?}");
}
