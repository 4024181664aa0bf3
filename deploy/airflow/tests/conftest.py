"""An Airflow of its own for the tests, with scheduler, triggerer and API, and a spark-submit on its PATH; captures of a few rows."""

import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import uuid

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[2]
HOME = pathlib.Path(tempfile.mkdtemp(prefix="ontogeny-airflow-"))
JAR = os.environ.get("ONTOGENY_JAR") or str(next((ROOT / "jobs" / "target").glob("ontogeny-jobs-*-spark.jar"), ""))
DAGS = HOME / "dags"


def free_port():
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return held.getsockname()[1]


MASTER, REST, STORE = free_port(), free_port(), free_port()
API = f"http://127.0.0.1:{free_port()}"

# Airflow reads these when it is imported.
os.environ.update(
    AIRFLOW_HOME=str(HOME),
    AIRFLOW__CORE__DAGS_FOLDER=str(DAGS),
    AIRFLOW__CORE__LOAD_EXAMPLES="False",
    AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS="True",
    AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION="True",
    AIRFLOW__CORE__EXECUTION_API_SERVER_URL=f"{API}/execution/",
    AIRFLOW__API__HOST="127.0.0.1",
    AIRFLOW__API__PORT=API.rsplit(":", 1)[1],
    AIRFLOW__API__BASE_URL=API,
    AIRFLOW__API__WORKERS="1",
    AIRFLOW__LOGGING__WORKER_LOG_SERVER_PORT=str(free_port()),
    AIRFLOW__LOGGING__TRIGGER_LOG_SERVER_PORT=str(free_port()),
    AIRFLOW__TRIGGERER__DEFAULT_CAPACITY="10",
    AIRFLOW__SCHEDULER__SCHEDULER_HEARTBEAT_SEC="1",
    AIRFLOW__CORE__PARALLELISM="2",
    # Seconds to wait for another's write; five are the default, and pass while Spark has both cores.
    AIRFLOW__DATABASE__SQL_ALCHEMY_CONNECT_ARGS="ontogeny_sqlite.PATIENT",
    AIRFLOW__DATABASE__SQL_ALCHEMY_CONNECT_ARGS_ASYNC="ontogeny_sqlite.PATIENT",
    PYTHONPATH=os.pathsep.join(filter(None, (str(HOME), os.environ.get("PYTHONPATH")))),
    AIRFLOW_CONN_SPARK_DEFAULT=json.dumps({"conn_type": "spark", "host": "local[2]", "extra": {"spark-binary": "spark-submit"}}),
    AIRFLOW_CONN_SPARK_CLUSTER=json.dumps(
        {"conn_type": "spark", "host": "spark://127.0.0.1", "port": REST, "extra": {"deploy-mode": "cluster", "rest-port": REST}}
    ),
    AIRFLOW_CONN_STORE=json.dumps(
        {"conn_type": "aws", "login": "testing", "password": "testing", "extra": {"endpoint_url": f"http://127.0.0.1:{STORE}", "region_name": "us-east-1"}}
    ),
    AIRFLOW_VAR_ONTOGENY_JAR=JAR,
    STORE=str(STORE),
    PATH=os.path.dirname(sys.executable) + os.pathsep + os.environ["PATH"],
    OMP_NUM_THREADS="1",
    # Drivers live for seconds here: what the second compiler would gain it would cost.
    JDK_JAVA_OPTIONS="-XX:TieredStopAtLevel=1 -Xshare:auto",
)

(HOME / "ontogeny_sqlite.py").write_text('PATIENT = {"timeout": 60}\n', encoding="utf-8")
sys.path.insert(0, str(HOME))

import boto3  # noqa: E402
import numpy as np  # noqa: E402
import pyarrow as pa  # noqa: E402
import pyarrow.parquet as pq  # noqa: E402
import pytest  # noqa: E402
from moto.server import ThreadedMotoServer  # noqa: E402

LINE = """
shard { width = 16, shards = 4 }
train {
  dictionaries = [ { type = top-k, width = 32, k = 4 } ]
  training { tokens = 2048, link-tokens = 512, batch = 64, dead-window = 1000 }
  replicas = 1
}
measure { top-examples = 4, quantiles = 2, examples-per-quantile = 1, replicates = 8 }
evolve { phases { shifts = 20, bootstraps = 20 } }
"""
DAG_COUNT = 13
ATTEMPT = re.compile(r"-[0-9a-f]{8}-(\d+|driver)(?=\.)")
SITES = ("blocks.0.hook_resid_post", "blocks.1.hook_resid_post")


class Airflow:
    """What a person does with an Airflow: by its API."""

    def ask(self, path, body=None, method=None):
        """Asks again where the server failed: SQLite lets one write at a time, and here two cores are busy with Spark."""
        request = urllib.request.Request(f"{API}/api/v2/{path}", method=method or ("GET" if body is None else "POST"))
        request.add_header("Content-Type", "application/json")
        request.add_header("Authorization", f"Bearer {self.token()}")
        data = None if body is None else json.dumps(body).encode()
        end = time.time() + 120
        while True:
            try:
                with urllib.request.urlopen(request, data, timeout=60) as answer:
                    return json.load(answer)
            except urllib.error.HTTPError as error:
                if error.code < 500 or time.time() > end:
                    error.add_note(error.read().decode(errors="replace")[-2000:])
                    raise
            except TimeoutError:
                if time.time() > end:
                    raise
            time.sleep(1)

    def token(self):
        if not hasattr(self, "_token"):
            with urllib.request.urlopen(f"{API}/auth/token", timeout=60) as answer:
                self._token = json.load(answer)["access_token"]
        return self._token

    def unpause(self, dag):
        self.ask(f"dags/{dag}", {"is_paused": False}, "PATCH")

    def trigger(self, dag, **conf):
        """Starts a run, of a name of its own so that one that is asked for again is not a second one."""
        self.unpause(dag)
        run = f"manual__{uuid.uuid4()}"
        try:
            self.ask(f"dags/{dag}/dagRuns", {"dag_run_id": run, "logical_date": None, "conf": conf})
        except urllib.error.HTTPError as error:
            if error.code != 409:
                raise
        return run

    def tasks(self, dag, run):
        return {t["task_id"]: t for t in self.ask(f"dags/{dag}/dagRuns/{run}/taskInstances")["task_instances"]}

    def value(self, dag, run, task):
        return self.ask(f"dags/{dag}/dagRuns/{run}/taskInstances/{task}/xcomEntries/return_value?deserialize=true")["value"]

    def log(self, dag, run, task, attempt=1):
        try:
            return json.dumps(self.ask(f"dags/{dag}/dagRuns/{run}/taskInstances/{task}/logs/{attempt}"), ensure_ascii=False)
        except urllib.error.HTTPError as error:
            return f"{error}: no such try yet"

    def ended(self, dag, run, seconds=900):
        """Waits for a run's end; gives its state."""
        state = until(lambda: (s := self.ask(f"dags/{dag}/dagRuns/{run}")["state"]) in ("success", "failed") and s, f"the end of {dag}", seconds, 1)
        return state

    def succeeded(self, dag, run):
        assert self.ended(dag, run) == "success", "\n".join(
            self.log(dag, run, name, task["try_number"])[-4000:] for name, task in self.tasks(dag, run).items() if task["state"] == "failed"
        )


def until(condition, what, seconds=300, pause=0.1):
    """Waits until something is so, and gives it."""
    end = time.time() + seconds
    while not (found := condition()):
        assert time.time() < end, f"waited {seconds} s for {what}"
        time.sleep(pause)
    return found


@pytest.fixture(scope="session")
def airflow():
    """Scheduler, triggerer, DAG processor and API with the examples and the DAGs of dags.py; everything is removed at the end."""
    assert shutil.which("spark-submit"), "put a spark-submit on PATH: pip install --target DIR pyspark==4.0.1; SPARK_HOME=DIR/pyspark, PATH=DIR/pyspark/bin"
    assert os.path.exists(JAR), "build the jar first: mvn -pl common,jobs package -DskipTests"
    DAGS.mkdir()
    for example in (*(HERE.parent / "examples").glob("*.py"), HERE / "dags.py"):
        shutil.copy(example, DAGS)
    subprocess.run(["airflow", "db", "migrate"], check=True, capture_output=True)
    log = open(HOME / "standalone.log", "w")
    standalone = subprocess.Popen(["airflow", "standalone"], stdout=log, stderr=subprocess.STDOUT, start_new_session=True)
    try:
        started = Airflow()
        until(lambda: answers(started) >= DAG_COUNT, f"Airflow to start, see {HOME}/standalone.log", 300)
        yield started
    finally:
        os.killpg(standalone.pid, signal.SIGTERM)
        try:
            standalone.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(standalone.pid, signal.SIGKILL)
        if not os.environ.get("KEEP"):
            shutil.rmtree(HOME, ignore_errors=True)


@pytest.fixture(scope="session")
def store():
    """A server that speaks S3, with an empty bucket; gives a client."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=STORE, verbose=False)
    server.start()
    client = boto3.client(
        "s3", endpoint_url=f"http://127.0.0.1:{STORE}", aws_access_key_id="testing", aws_secret_access_key="testing", region_name="us-east-1"
    )
    client.create_bucket(Bucket="bucket")
    yield client
    server.stop()


@pytest.fixture
def cluster(tmp_path):
    """Spark's own manager with one worker, and its REST server."""
    options = {**os.environ, "SPARK_MASTER_OPTS": f"-Dspark.master.rest.enabled=true -Dspark.master.rest.port={REST}", "SPARK_LOCAL_IP": "127.0.0.1"}
    deploy = "org.apache.spark.deploy"
    begun = []
    try:
        for words in (
            [f"{deploy}.master.Master", "--host", "127.0.0.1", "--port", str(MASTER), "--webui-port", "0"],
            [f"{deploy}.worker.Worker", "--webui-port", "0", "--cores", "2", "--memory", "3g", "--work-dir", tmp_path / "worker", f"spark://127.0.0.1:{MASTER}"],
        ):
            begun.append(subprocess.Popen(["spark-class", *words], env=options, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
        yield
    finally:
        for process in reversed(begun):
            process.terminate()
            process.wait(30)


def answers(airflow):
    try:
        return airflow.ask("dags")["total_entries"]
    except (OSError, urllib.error.URLError):
        return 0


def land(folder, step, marker="_SUCCESS"):
    """Another checkpoint, its marker last."""
    for site in SITES:
        into = folder / f"site={site}" / f"checkpoint={step}"
        into.mkdir(parents=True, exist_ok=True)
        vectors = np.random.default_rng(step).standard_normal((240, 16)).astype(np.float16)
        columns = {
            "document": pa.array([i // 12 for i in range(240)], pa.int64()),
            "position": pa.array([i % 12 for i in range(240)], pa.int32()),
            "activation": pa.array(list(vectors), pa.list_(pa.float16())),
        }
        pq.write_table(pa.table(columns), into / "part-00000.parquet")
    for site in SITES:
        if marker:
            (folder / f"site={site}" / f"checkpoint={step}" / marker).touch()


def files(work):
    """Every published file by name, without the run and task that names carry; of manifests what does not tell when they were written."""
    found = {}
    for path in sorted(work.rglob("*")):
        if path.is_file() and "_outcomes" not in path.parts:
            name = ATTEMPT.sub("", str(path.relative_to(work)))
            assert name not in found, f"{name} is there twice: something was left over"
            found[name] = json.loads(path.read_text(encoding="utf-8"))["identity"] if path.name == "_manifest.json" else path.read_bytes()
    return found
