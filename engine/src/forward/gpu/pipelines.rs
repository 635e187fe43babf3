//! Compute pipelines, compiled once per device and kernel.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use llamaglass_shaders::{Kernel, KernelKey};
use wgpu::{
    BindGroupLayout, ComputePipeline, ComputePipelineDescriptor, PipelineCompilationOptions,
    ShaderModuleDescriptor, ShaderRuntimeChecks, ShaderSource,
};

use crate::platform::{IN_BROWSER, Stopwatch, in_background};

/// Pipelines of one device.
pub struct Pipelines {
    device: wgpu::Device,
    compiled: RefCell<HashMap<KernelKey, Slot>>,
    since: Stopwatch,
    times: Times,
}

/// A compiled kernel.
#[derive(Clone)]
pub struct Pipeline {
    pub compute: ComputePipeline,
    /// Layout of its bindings, derived from the kernel's WGSL.
    pub layout: BindGroupLayout,
}

/// Holds a pipeline once it is compiled.
type Slot = Arc<OnceLock<Pipeline>>;
/// Start and end of each compilation, in milliseconds since the pipelines were created.
type Times = Arc<Mutex<Vec<[f64; 2]>>>;

impl std::fmt::Debug for Pipelines {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list()
            .entries(self.compiled.borrow().keys())
            .finish()
    }
}

impl Pipelines {
    /// Creates an empty set of pipelines for `device`.
    pub fn new(device: wgpu::Device) -> Self {
        Self {
            device,
            compiled: RefCell::default(),
            since: Stopwatch::start(),
            times: Times::default(),
        }
    }

    /// Starts compiling `kernel` in the background.
    pub fn prepare(&self, kernel: &Kernel) {
        if self.compiled.borrow().contains_key(&kernel.key()) {
            return;
        }
        let slot = self.slot(kernel);
        let compile = self.compiler(kernel);
        in_background(move || {
            slot.get_or_init(compile);
        });
    }

    /// Returns the pipeline of `kernel` and compiles it if necessary. Errors of the device are reported as
    /// failures of the device.
    pub fn get(&self, kernel: &Kernel) -> Pipeline {
        let slot = self.slot(kernel);
        if let Some(pipeline) = slot.get() {
            return pipeline.clone();
        }
        // Waits if another thread is compiling it.
        slot.get_or_init(self.compiler(kernel)).clone()
    }

    /// Returns the start and end of each compilation since the last call, on the clock that now reads
    /// `now_ms`.
    pub fn take_times(&self, now_ms: f64) -> Vec<[f64; 2]> {
        let shift = now_ms - self.since.ms();
        let mut times = self.times.lock().unwrap_or_else(PoisonError::into_inner);
        let times = std::mem::take(&mut *times);
        times
            .into_iter()
            .map(|time| time.map(|ms| ms + shift))
            .collect()
    }

    fn slot(&self, kernel: &Kernel) -> Slot {
        let mut compiled = self.compiled.borrow_mut();
        Arc::clone(compiled.entry(kernel.key()).or_default())
    }

    fn compiler(&self, kernel: &Kernel) -> impl FnOnce() -> Pipeline + use<> {
        let (kernel, device) = (*kernel, self.device.clone());
        let (since, times) = (self.since, Arc::clone(&self.times));
        move || {
            let start = since.ms();
            let pipeline = compile(&device, &kernel);
            let mut times = times.lock().unwrap_or_else(PoisonError::into_inner);
            times.push([start, since.ms()]);
            pipeline
        }
    }
}

fn compile(device: &wgpu::Device, kernel: &Kernel) -> Pipeline {
    let label = kernel.label();
    // In a browser, wgpu passes the source on unchanged.
    let source = if IN_BROWSER {
        kernel.browser_source()
    } else {
        kernel.source()
    };
    let source = ShaderModuleDescriptor {
        label: Some(&label),
        source: ShaderSource::Wgsl(source.into()),
    };
    // SAFETY: the kernels stay inside their buffers for every shape that the tests run them in, and their
    // loops end.
    let module =
        unsafe { device.create_shader_module_trusted(source, ShaderRuntimeChecks::unchecked()) };
    let compute = device.create_compute_pipeline(&ComputePipelineDescriptor {
        label: Some(&label),
        layout: None,
        module: &module,
        entry_point: Some("main"),
        compilation_options: PipelineCompilationOptions {
            zero_initialize_workgroup_memory: false,
            ..Default::default()
        },
        cache: None,
    });
    let layout = compute.get_bind_group_layout(0);
    Pipeline { compute, layout }
}
