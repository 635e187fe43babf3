//! Our own kernels against their CPU references, on the system's adapter.

use burn::tensor::{Device, Tensor, TensorData};
use llamaglass_engine::forward::argmax::issue;
use llamaglass_engine::forward::device::{find_adapter, open_wgpu};
use llamaglass_shaders::cpu;
use pollster::block_on;

fn on_device(device: &Device, logits: &[f32]) -> Option<u32> {
    let data = TensorData::new(logits.to_vec(), [1, logits.len()]);
    let pick = issue(Tensor::from_data(data, device)).map_err(|_| "not on a device");
    block_on(pick.unwrap().read()).unwrap()
}

#[test]
fn the_kernel_picks_what_the_cpu_reference_picks() {
    let open = block_on(async { open_wgpu(find_adapter(None).await.unwrap()).await }).unwrap();
    let mut state = 1u32;
    let mut noise = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 16) as f32 / 4096.0 - 8.0
    };
    for v in [1, 2, 255, 256, 257, 1000, 49_155] {
        let mut logits: Vec<f32> = (0..v).map(|_| noise()).collect();
        assert_eq!(
            on_device(&open.device, &logits),
            cpu::argmax(&logits),
            "V {v}"
        );
        // Equals: the lower id wins, wherever the lanes meet.
        logits[v / 2] = 9.0;
        logits[v - 1] = 9.0;
        assert_eq!(
            on_device(&open.device, &logits),
            cpu::argmax(&logits),
            "V {v}"
        );
        // What is not finite never wins.
        logits[v / 2] = f32::NAN;
        logits[v - 1] = f32::INFINITY;
        assert_eq!(
            on_device(&open.device, &logits),
            cpu::argmax(&logits),
            "V {v}"
        );
    }
    assert_eq!(on_device(&open.device, &[f32::NAN; 300]), None);
}

#[test]
fn the_cpu_backend_gives_the_logits_back() {
    let logits = Tensor::<2>::zeros([1, 4], &Device::flex());
    assert!(issue(logits).is_err());
}
