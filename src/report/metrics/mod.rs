//! The numbers of a run for monitoring: a text file that Prometheus's node exporter collects, and lines
//! from which CloudWatch extracts metrics.
mod emf;
mod gauges;
mod prometheus;

pub use self::emf::Emf;
pub use self::prometheus::Prometheus;
