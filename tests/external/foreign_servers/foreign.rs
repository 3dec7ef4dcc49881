//! Third-party servers, started and filled with a trail.
use super::*;

/// The number of uploads in flight. s3s-fs takes 44 ms for each small upload if they come one at a
/// time.
const UPLOADS: usize = 32;

/// The time to wait for the server. moto imports for seconds before it listens, and for much longer
/// on a busy machine.
const START: Duration = Duration::from_secs(90);

/// A server in its own process. The process ends when this value is dropped.
pub(crate) struct Foreign {
    pub(super) child: Child,
    pub(crate) endpoint: String,
    pub(super) root: PathBuf,
}

impl Drop for Foreign {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.root);
    }
}

fn program(variable: &str) -> Option<OsString> {
    named_program(variable, "TRAILPROOF_REQUIRE_FOREIGN_SERVERS")
}

/// Starts `program` with the arguments that `arguments` builds from a port and a directory, and
/// waits until it listens.
fn start(
    program: &OsString,
    name: &str,
    arguments: impl Fn(u16, &Path) -> Vec<OsString>,
) -> Foreign {
    start_with(program, name, arguments, |_| Vec::new())
}

/// Does the same, with the environment that `environment` builds from the port.
fn start_with(
    program: &OsString,
    name: &str,
    arguments: impl Fn(u16, &Path) -> Vec<OsString>,
    environment: impl Fn(u16) -> Vec<(&'static str, String)>,
) -> Foreign {
    let root = empty_folder(&format!("foreign-{name}"));
    // The port is free now. If another process takes it first, the server ends at once.
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let log = fs::File::create(root.with_extension("log")).unwrap();
    let child = Command::new(program)
        .args(arguments(port, &root))
        .envs(environment(port))
        .stdin(Stdio::null())
        .stdout(log.try_clone().unwrap())
        .stderr(log)
        .spawn()
        .unwrap_or_else(|error| panic!("cannot start `{}`: {error}", program.display()));
    let mut server = Foreign { child, endpoint: format!("http://127.0.0.1:{port}"), root };
    let begun = Instant::now();
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert_eq!(server.child.try_wait().unwrap(), None, "`{}` ended", program.display());
        assert!(begun.elapsed() < START, "`{}` does not listen", program.display());
        std::thread::sleep(Duration::from_millis(50));
    }
    server
}

pub(super) fn s3s_fs(name: &str) -> Option<Foreign> {
    let program = program("TRAILPROOF_S3S_FS")?;
    Some(start(&program, &format!("s3s-fs-{name}"), |port, root| {
        let port = port.to_string();
        let words = ["--host", "127.0.0.1", "--port", &port, "--access-key", ACCESS_KEY];
        let words = words.into_iter().chain(["--secret-key", SECRET_KEY]);
        words.map(OsString::from).chain([root.into()]).collect()
    }))
}

pub(crate) fn moto(name: &str) -> Option<Foreign> {
    let program = program("TRAILPROOF_MOTO_SERVER")?;
    Some(start(&program, &format!("moto-{name}"), |port, _| {
        ["-H", "127.0.0.1", "-p", &port.to_string()].map(OsString::from).to_vec()
    }))
}

/// ministack binds all interfaces unless it is told not to.
pub(crate) fn ministack(name: &str) -> Option<Foreign> {
    let program = program("TRAILPROOF_MINISTACK")?;
    let environment =
        |port: u16| vec![("BIND_HOST", "127.0.0.1".to_owned()), ("GATEWAY_PORT", port.to_string())];
    Some(start_with(&program, &format!("ministack-{name}"), |_, _| Vec::new(), environment))
}

pub(super) fn client(endpoint: &str) -> Client {
    let config = aws_sdk_s3::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .credentials_provider(Credentials::new(ACCESS_KEY, SECRET_KEY, None, None, "test"))
        .region(Region::new("us-east-1"))
        .endpoint_url(endpoint)
        .force_path_style(true)
        .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
        .build();
    Client::from_conf(config)
}

/// Uploads the content of the trail's buckets to the server: versions in order, and delete markers
/// as deletions.
pub(crate) async fn upload(endpoint: &str, trail: &BuiltTrail) {
    let client = client(endpoint);
    for (name, bucket) in &trail.world.buckets {
        create(&client, name, bucket, trail.versioned.contains(name)).await;
        let in_flight = Arc::new(Semaphore::new(UPLOADS));
        let mut tasks = Vec::new();
        for (key, versions) in &bucket.objects {
            let permit = Arc::clone(&in_flight).acquire_owned().await.unwrap();
            let (client, name, key) = (client.clone(), name.clone(), key.clone());
            let versions = versions.clone();
            tasks.push(tokio::spawn(async move {
                for version in versions {
                    put(&client, &name, &key, version).await;
                }
                drop(permit);
            }));
        }
        for task in tasks {
            task.await.unwrap();
        }
    }
}

async fn create(client: &Client, name: &str, bucket: &Bucket, versioned: bool) {
    let mut request = client.create_bucket().bucket(name);
    if bucket.region != "us-east-1" {
        let constraint = BucketLocationConstraint::from(bucket.region.as_str());
        request = request.create_bucket_configuration(
            CreateBucketConfiguration::builder().location_constraint(constraint).build(),
        );
    }
    request.send().await.unwrap();
    if versioned {
        let status = BucketVersioningStatus::Enabled;
        let configuration = VersioningConfiguration::builder().status(status).build();
        let request = client.put_bucket_versioning().bucket(name);
        request.versioning_configuration(configuration).send().await.unwrap();
    }
}

async fn put(client: &Client, bucket: &str, key: &str, version: Version) {
    if version.delete_marker {
        client.delete_object().bucket(bucket).key(key).send().await.unwrap();
        return;
    }
    let class = StorageClass::from(version.storage_class.as_str());
    client
        .put_object()
        .bucket(bucket)
        .key(key)
        .body(ByteStream::from(version.body))
        .set_metadata(Some(version.metadata.into_iter().collect()))
        .content_type(version.content_type)
        .set_content_encoding(version.content_encoding)
        .set_storage_class((class != StorageClass::Standard).then_some(class))
        .send()
        .await
        .unwrap_or_else(|error| panic!("cannot upload `{key}`: {error:?}"));
}
