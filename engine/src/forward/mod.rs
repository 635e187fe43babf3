//! The model on a device.
