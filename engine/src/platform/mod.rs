//! Every difference between targets: clock, yield.
