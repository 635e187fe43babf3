//! Adapters and devices: finding one, checking what it has, and hearing about its failures.

use std::cell::RefCell;
use std::mem::ManuallyDrop;
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};

use burn::backend::DispatchDevice;
use burn::tensor::Device;
use burn::tensor::wgpu::{WgpuSetup, wgpu};

use super::error::ForwardError;
use super::gpu::Gpu;
use super::info::{Backend, BackendInfo, limit};
use crate::platform::{BrowserAdapter, CPU_NAME};

/// The feature, as WebGPU spells it.
const SUBGROUPS: &str = "subgroups";
/// How many kernels go into one command before it is submitted.
const TASKS_MAX: usize = 4096;

/// What the device reported outside any call.
#[derive(Clone, Debug, Default)]
pub struct Failures(Arc<Mutex<Reported>>);

#[derive(Debug, Default)]
struct Reported {
    /// The first failure that nobody has taken yet.
    first: Option<String>,
    /// Whether there ever was one.
    any: bool,
}

impl Failures {
    fn report(&self, message: String) {
        let mut reported = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        reported.any = true;
        reported.first.get_or_insert(message);
    }

    /// Takes the first failure reported since the last call.
    pub fn take(&self) -> Option<String> {
        let mut reported = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        reported.first.take()
    }

    fn any(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).any
    }
}

/// A device and what is known about it.
#[derive(Clone, Debug)]
pub struct OpenDevice {
    /// burn's handle.
    pub device: Device,
    /// What launches our own kernels; none on the CPU backend.
    pub gpu: Option<Rc<Gpu>>,
    /// What it is.
    pub info: BackendInfo,
    /// What it reports by itself.
    pub failures: Failures,
}

/// burn-flex on the CPU.
pub fn open_flex(fallback_reason: Option<String>) -> OpenDevice {
    OpenDevice {
        device: Device::flex(),
        gpu: None,
        info: BackendInfo {
            backend: Backend::Flex,
            api: "CPU".into(),
            adapter: CPU_NAME.into(),
            driver: "burn-flex".into(),
            software: true,
            features: Vec::new(),
            limits: Vec::new(),
            fallback_reason,
        },
        failures: Failures::default(),
    }
}

/// Finds the adapter (one whose name contains `name`, or the system's choice) and says what it is.
///
/// # Errors
/// [`ForwardError::NoAdapter`], [`ForwardError::UnknownAdapter`] or
/// [`ForwardError::MissingFeature`].
pub async fn find_adapter(
    name: Option<&str>,
) -> Result<(wgpu::Instance, wgpu::Adapter, BackendInfo), ForwardError> {
    let instance = wgpu::Instance::new(wgpu::InstanceDescriptor {
        backends: wgpu::Backends::PRIMARY,
        ..wgpu::InstanceDescriptor::new_without_display_handle()
    });
    let browser = BrowserAdapter::listen();
    let adapter = match name {
        None => request(&instance).await?,
        Some(name) => by_name(&instance, name).await?,
    };
    let mut info = describe(&adapter);
    if let Some(told) = browser.told() {
        if info.adapter.is_empty() {
            info.adapter = told.name.unwrap_or_else(|| "unnamed adapter".into());
            info.software |= is_software(&info.adapter);
        }
        if told.subgroups {
            info.features.push(SUBGROUPS.into());
        }
    }
    if !adapter.features().contains(wgpu::Features::TIMESTAMP_QUERY) {
        return Err(ForwardError::MissingFeature {
            adapter: info.adapter,
            missing: "the feature timestamp-query".into(),
        });
    }
    Ok((instance, adapter, info))
}

async fn request(instance: &wgpu::Instance) -> Result<wgpu::Adapter, ForwardError> {
    let options = wgpu::RequestAdapterOptions {
        power_preference: wgpu::PowerPreference::HighPerformance,
        ..Default::default()
    };
    instance
        .request_adapter(&options)
        .await
        .map_err(|error| ForwardError::NoAdapter {
            message: error.to_string(),
        })
}

/// What there is for programs that offer a choice: the adapters of the system's own APIs. A browser lists none.
pub async fn adapters() -> Vec<BackendInfo> {
    let instance = wgpu::Instance::new(wgpu::InstanceDescriptor {
        backends: wgpu::Backends::PRIMARY,
        ..wgpu::InstanceDescriptor::new_without_display_handle()
    });
    let found = instance.enumerate_adapters(wgpu::Backends::PRIMARY).await;
    found.iter().map(describe).collect()
}

async fn by_name(instance: &wgpu::Instance, name: &str) -> Result<wgpu::Adapter, ForwardError> {
    let wanted = name.to_lowercase();
    let adapters = instance.enumerate_adapters(wgpu::Backends::PRIMARY).await;
    let names: Vec<String> = adapters.iter().map(|a| describe(a).adapter).collect();
    adapters
        .into_iter()
        .find(|adapter| describe(adapter).adapter.to_lowercase().contains(&wanted))
        .ok_or_else(|| {
            if names.is_empty() {
                ForwardError::NoAdapter {
                    message: "the system lists none".into(),
                }
            } else {
                ForwardError::UnknownAdapter {
                    wanted: name.into(),
                    found: names,
                }
            }
        })
}

/// Parts of names that software rasterisers go by.
const SOFTWARE: [&str; 5] = [
    "swiftshader",
    "llvmpipe",
    "lavapipe",
    "softpipe",
    "basic render",
];

fn is_software(name: &str) -> bool {
    let lower = name.to_lowercase();
    SOFTWARE.iter().any(|part| lower.contains(part))
}

/// What wgpu says of an adapter; its name may be empty.
fn describe(adapter: &wgpu::Adapter) -> BackendInfo {
    let info = adapter.get_info();
    let features = adapter.features();
    let limits = adapter.limits();
    let named = [
        (wgpu::Features::TIMESTAMP_QUERY, "timestamp-query"),
        (wgpu::Features::SUBGROUP, SUBGROUPS),
        (wgpu::Features::SHADER_F16, "shader-f16"),
    ];
    BackendInfo {
        backend: Backend::Wgpu,
        api: format!("{:?}", info.backend),
        adapter: info.name.clone(),
        driver: format!("{} {}", info.driver, info.driver_info)
            .trim()
            .to_owned(),
        software: info.device_type == wgpu::DeviceType::Cpu || is_software(&info.name),
        features: named
            .iter()
            .filter(|(feature, _)| features.contains(*feature))
            .map(|(_, name)| (*name).to_owned())
            .collect(),
        limits: vec![
            (
                limit::STORAGE_BINDING.into(),
                limits.max_storage_buffer_binding_size,
            ),
            (limit::BUFFER.into(), limits.max_buffer_size),
            (
                "maxComputeWorkgroupStorageSize".into(),
                limits.max_compute_workgroup_storage_size.into(),
            ),
            (
                "maxComputeInvocationsPerWorkgroup".into(),
                limits.max_compute_invocations_per_workgroup.into(),
            ),
        ],
        fallback_reason: None,
    }
}

thread_local! {
    /// The runtime never lets go of a device that it was given, so a thread opens one an adapter
    /// and goes on with it from model to model. Never dropped: when a thread ends, what a device needs
    /// to be closed may have gone before it.
    static OPENED: RefCell<ManuallyDrop<Vec<OpenDevice>>> =
        const { RefCell::new(ManuallyDrop::new(Vec::new())) };
}

/// Opens a wgpu device for burn on the adapter that [`find_adapter`] found, or gives the one that
/// this thread opened there before, unless it failed since.
///
/// # Errors
/// [`ForwardError::NoDevice`] where adapter or runtime refuse.
pub async fn open_wgpu(
    found: (wgpu::Instance, wgpu::Adapter, BackendInfo),
) -> Result<OpenDevice, ForwardError> {
    let opened = OPENED.with_borrow_mut(|all| {
        all.retain(|open| !open.failures.any());
        all.iter().find(|open| open.info == found.2).cloned()
    });
    if let Some(open) = opened {
        // What the model before this one took.
        open.device.memory_cleanup();
        return Ok(open);
    }
    let open = open_new(found).await?;
    OPENED.with_borrow_mut(|all| all.push(open.clone()));
    Ok(open)
}

async fn open_new(
    (instance, adapter, info): (wgpu::Instance, wgpu::Adapter, BackendInfo),
) -> Result<OpenDevice, ForwardError> {
    let refused = |message: String| ForwardError::NoDevice {
        adapter: info.adapter.clone(),
        message,
    };
    let descriptor = wgpu::DeviceDescriptor {
        // What the runtime compiles for depends on the adapter, so the device gets all of it, but
        // for what slows every buffer down.
        required_features: adapter
            .features()
            .difference(wgpu::Features::MAPPABLE_PRIMARY_BUFFERS),
        required_limits: adapter.limits(),
        memory_hints: wgpu::MemoryHints::MemoryUsage,
        // SAFETY: experimental features are only switched on; none is used by our own code.
        experimental_features: unsafe { wgpu::ExperimentalFeatures::enabled() },
        ..Default::default()
    };
    let (device, queue) = adapter
        .request_device(&descriptor)
        .await
        .map_err(|error| refused(error.to_string()))?;
    let failures = Failures::default();
    let uncaptured = failures.clone();
    device.on_uncaptured_error(Arc::new(move |error| uncaptured.report(error.to_string())));
    let lost = failures.clone();
    device.set_device_lost_callback(move |reason, message| {
        // A device that we drop ourselves is no failure.
        if reason != wgpu::DeviceLostReason::Destroyed {
            lost.report(format!("the GPU device was lost: {message}"));
        }
    });
    let backend = adapter.get_info().backend;
    let (own_device, own_queue) = (device.clone(), queue.clone());
    let device = Device::wgpu_options()
        .setup(WgpuSetup {
            instance,
            adapter,
            device,
            queue,
            backend,
        })
        .tasks_max(TASKS_MAX)
        .init()
        .map_err(|error| refused(error.to_string()))?;
    let subgroups = info.features.iter().any(|feature| feature == SUBGROUPS);
    let gpu = match device.as_dispatch() {
        DispatchDevice::Cube(cube) => {
            Some(Gpu::new(cube.client(), own_device, own_queue, subgroups).await?)
        }
        _ => None,
    };
    Ok(OpenDevice {
        device,
        gpu,
        info,
        failures,
    })
}
