//! The numbers of a run for monitoring: a text file that Prometheus's node exporter collects, and lines
//! from which CloudWatch extracts metrics.
mod emf;
mod gauges;
mod prometheus;

pub use self::emf::emf;
pub use self::gauges::GaugeReporter;
pub use self::prometheus::prometheus;
