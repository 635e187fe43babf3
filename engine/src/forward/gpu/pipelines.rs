//! Compute pipelines, compiled once per device and kernel.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use llamaglass_shaders::Kernel;
use wgpu::{
    BindGroupLayout, BindGroupLayoutDescriptor, BindGroupLayoutEntry, BindingType,
    BufferBindingType, ComputePipeline, ComputePipelineDescriptor, PipelineCompilationOptions,
    PipelineLayoutDescriptor, ShaderModuleDescriptor, ShaderRuntimeChecks, ShaderSource,
    ShaderStages,
};

use crate::platform::{IN_BROWSER, Stopwatch, in_background};

/// Pipelines of one device.
pub struct Pipelines {
    device: wgpu::Device,
    compiled: RefCell<HashMap<[&'static str; 3], Slot>>,
    /// Bind group layouts by number of buffers.
    layouts: RefCell<HashMap<usize, BindGroupLayout>>,
    since: Stopwatch,
    times: Times,
}

/// Holds a pipeline once it is compiled.
type Slot = Arc<OnceLock<ComputePipeline>>;
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
            layouts: RefCell::default(),
            since: Stopwatch::start(),
            times: Times::default(),
        }
    }

    /// Returns the bind group layout for `count` storage buffers.
    pub fn layout(&self, count: usize) -> BindGroupLayout {
        let mut layouts = self.layouts.borrow_mut();
        let make = || layout(&self.device, count);
        layouts.entry(count).or_insert_with(make).clone()
    }

    /// Starts compiling `kernel`, which binds `count` buffers.
    pub fn prepare(&self, kernel: &Kernel, count: usize) {
        if self.compiled.borrow().contains_key(&kernel.name) {
            return;
        }
        let slot = self.slot(kernel);
        let compile = self.compiler(kernel, count);
        in_background(move || {
            slot.get_or_init(compile);
        });
    }

    /// Returns the pipeline of `kernel`, which binds `count` buffers, and compiles it if necessary. Errors of
    /// the device are reported as failures of the device.
    pub fn get(&self, kernel: &Kernel, count: usize) -> ComputePipeline {
        let slot = self.slot(kernel);
        if let Some(pipeline) = slot.get() {
            return pipeline.clone();
        }
        // Waits if another thread is compiling it.
        slot.get_or_init(self.compiler(kernel, count)).clone()
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
        Arc::clone(compiled.entry(kernel.name).or_default())
    }

    fn compiler(&self, kernel: &Kernel, count: usize) -> impl FnOnce() -> ComputePipeline + use<> {
        let (kernel, device, layout) = (*kernel, self.device.clone(), self.layout(count));
        let (since, times) = (self.since, Arc::clone(&self.times));
        move || {
            let start = since.ms();
            let pipeline = compile(&device, &kernel, &layout);
            let mut times = times.lock().unwrap_or_else(PoisonError::into_inner);
            times.push([start, since.ms()]);
            pipeline
        }
    }
}

/// Creates a layout for `count` storage buffers. All are writable, since natively several buffers of a launch
/// may share one allocation.
fn layout(device: &wgpu::Device, count: usize) -> BindGroupLayout {
    let entries: Vec<BindGroupLayoutEntry> = (0..count as u32)
        .map(|binding| BindGroupLayoutEntry {
            binding,
            visibility: ShaderStages::COMPUTE,
            ty: BindingType::Buffer {
                ty: BufferBindingType::Storage { read_only: false },
                has_dynamic_offset: false,
                min_binding_size: None,
            },
            count: None,
        })
        .collect();
    device.create_bind_group_layout(&BindGroupLayoutDescriptor {
        label: None,
        entries: &entries,
    })
}

fn compile(device: &wgpu::Device, kernel: &Kernel, layout: &BindGroupLayout) -> ComputePipeline {
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
    let layout = device.create_pipeline_layout(&PipelineLayoutDescriptor {
        label: None,
        bind_group_layouts: &[Some(layout)],
        immediate_size: 0,
    });
    device.create_compute_pipeline(&ComputePipelineDescriptor {
        label: Some(&label),
        layout: Some(&layout),
        module: &module,
        entry_point: Some("main"),
        compilation_options: PipelineCompilationOptions {
            zero_initialize_workgroup_memory: false,
            ..Default::default()
        },
        cache: None,
    })
}
