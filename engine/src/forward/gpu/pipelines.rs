//! Kernels, compiled once a device.

use std::cell::RefCell;
use std::collections::HashMap;

use llamaglass_shaders::Kernel;
use wgpu::{
    BindGroupLayout, BindGroupLayoutDescriptor, BindGroupLayoutEntry, BindingType,
    BufferBindingType, ComputePipelineDescriptor, PipelineCompilationOptions,
    PipelineLayoutDescriptor, ShaderModuleDescriptor, ShaderRuntimeChecks, ShaderSource,
    ShaderStages,
};

/// Those of one device.
pub struct Pipelines {
    device: wgpu::Device,
    compiled: RefCell<HashMap<[&'static str; 3], wgpu::ComputePipeline>>,
    /// By the number of buffers.
    layouts: RefCell<HashMap<usize, BindGroupLayout>>,
}

impl std::fmt::Debug for Pipelines {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list()
            .entries(self.compiled.borrow().keys())
            .finish()
    }
}

impl Pipelines {
    /// None yet.
    pub fn new(device: wgpu::Device) -> Self {
        Self {
            device,
            compiled: RefCell::default(),
            layouts: RefCell::default(),
        }
    }

    /// How `count` storage buffers are bound.
    pub fn layout(&self, count: usize) -> BindGroupLayout {
        let mut layouts = self.layouts.borrow_mut();
        let make = || layout(&self.device, count);
        layouts.entry(count).or_insert_with(make).clone()
    }

    /// `kernel`, which binds `count` buffers; compiled where it was not yet. What a device has to say
    /// against it comes as a failure of the device.
    pub fn get(&self, kernel: &Kernel, count: usize) -> wgpu::ComputePipeline {
        if let Some(pipeline) = self.compiled.borrow().get(&kernel.name) {
            return pipeline.clone();
        }
        let pipeline = compile(&self.device, kernel, &self.layout(count));
        let mut compiled = self.compiled.borrow_mut();
        compiled.insert(kernel.name, pipeline.clone());
        pipeline
    }
}

/// How `count` storage buffers are bound: both ways always, since natively several of one launch may
/// lie in one allocation.
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

fn compile(
    device: &wgpu::Device,
    kernel: &Kernel,
    layout: &BindGroupLayout,
) -> wgpu::ComputePipeline {
    let label = kernel.label();
    let source = ShaderModuleDescriptor {
        label: Some(&label),
        source: ShaderSource::Wgsl(kernel.source().into()),
    };
    // SAFETY: our own kernels stay inside their buffers for every shape that the tests run them in,
    // and their loops end.
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
