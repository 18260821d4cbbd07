"""Files of cluster/ and commands of docs/cluster.md, as far as one machine can test them.

SLURM, Kubernetes and a second machine are not available: programs that would reach them are
replaced by a stub that records its call.
"""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import click
import jsonschema
import pytest
import yaml

from harness.cli.main import app

ROOT = Path(__file__).parents[1]
CLUSTER = ROOT / "cluster"
SCRIPTS = sorted(CLUSTER.glob("*.sh"))
PAGE = ROOT / "docs" / "cluster.md"
STAND_IN = """#!{python}
import json, os, sys
json.dump({{"words": sys.argv, "env": dict(os.environ)}}, open("{out}", "w"))
"""
PREPARE = """
import json, sys, yaml
from pathlib import Path
import ray.autoscaler
from ray.autoscaler._private.util import prepare_config, validate_config
prepared = prepare_config(yaml.safe_load(open(sys.argv[1])))
validate_config(prepared)
schema = Path(ray.autoscaler.__file__).with_name("ray-schema.json")
print(json.dumps([json.loads(schema.read_text()), prepared]))
"""
ENVIRONMENT = {
    "SLURM_JOB_ID": "77",
    "SLURM_JOB_NUM_NODES": "2",
    "SLURM_CPUS_PER_TASK": "96",
    "HEAD": "10.0.0.1",
}
# The fields of KubeRay 1.6, https://docs.ray.io/en/master/cluster/kubernetes/references/api.html
JOB = [
    "activeDeadlineSeconds",
    "backoffLimit",
    "rayClusterSpec",
    "submitterPodTemplate",
    "metadata",
    "clusterSelector",
    "submitterConfig",
    "managedBy",
    "deletionStrategy",
    "entrypoint",
    "runtimeEnvYAML",
    "jobId",
    "submissionMode",
    "entrypointResources",
    "entrypointNumCpus",
    "entrypointNumGpus",
    "ttlSecondsAfterFinished",
    "shutdownAfterJobFinishes",
    "suspend",
]
RAY_CLUSTER = [
    "authOptions",
    "suspend",
    "managedBy",
    "autoscalerOptions",
    "headServiceAnnotations",
    "enableInTreeAutoscaling",
    "gcsFaultToleranceOptions",
    "headGroupSpec",
    "rayVersion",
    "workerGroupSpecs",
]
HEAD = [
    "template",
    "headService",
    "enableIngress",
    "resources",
    "labels",
    "rayStartParams",
    "serviceType",
]
WORKERS = [
    "suspend",
    "groupName",
    "replicas",
    "minReplicas",
    "maxReplicas",
    "resources",
    "labels",
    "rayStartParams",
    "template",
    "scaleStrategy",
    "numOfHosts",
    "idleTimeoutSeconds",
]


def parsed(words):
    """Return the parsed parameters of a `harness` command; an invalid one raises."""
    context, command = click.Context(app, info_name="harness"), app
    while isinstance(command, click.Group):
        name, command, words = command.resolve_command(context, list(words))
        context = click.Context(command, parent=context, info_name=name)
    try:
        return command.make_context(name, list(words), parent=context.parent).params
    except click.BadParameter as error:
        if isinstance(error, click.MissingParameter) or "does not exist" not in error.message:
            raise
        return {}  # a folder of a real cluster


def called(script, tmp_path, *names, **env):
    """Run a script with stubs for programs, and return the call of the first one."""
    out = tmp_path / "called.json"
    for name in names:
        path = tmp_path / "bin" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(STAND_IN.format(python=sys.executable, out=out))
        path.chmod(0o755)
    path = f"{tmp_path / 'bin'}:{Path(sys.executable).parent}:{os.environ['PATH']}"
    given = {"PATH": path, "HOME": str(tmp_path), "VENV": str(tmp_path), **ENVIRONMENT, **env}
    done = subprocess.run(
        ["bash", str(script)], env=given, cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.stderr == ""
    return json.loads(out.read_text())


def after(words, name):
    """Return the words after the last occurrence of a program, with or without its path."""
    last = max(i for i, word in enumerate(words) if word == name or word.endswith(f"/{name}"))
    return words[last + 1 :]


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_a_script_is_bash_that_may_be_run(script):
    done = subprocess.run(["bash", "-n", str(script)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert os.access(script, os.X_OK)


@pytest.mark.skipif(shutil.which("shellcheck") is None, reason="shellcheck is not installed")
@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_a_script_has_no_trap_that_shellcheck_knows(script):
    done = subprocess.run(["shellcheck", str(script)], capture_output=True, text=True, check=False)
    assert done.stdout == ""


def test_slurm_starts_ray_once_a_node_and_the_tables_on_the_first(tmp_path):
    call = called(
        CLUSTER / "slurm.sh", tmp_path, "srun", TABLES="table_b table_c", REPO=str(tmp_path)
    )
    words = call["words"]
    asked = parsed(after(words, "harness"))
    assert asked["tables"] == ("table_b", "table_c")
    assert (asked["scale"], asked["address"], asked["device"]) == ("paper", "auto", "cuda")
    assert (asked["gpus_per_trial"], asked["cpus_per_trial"]) == (8, 96)
    assert asked["results"] == tmp_path / "results" / "cluster"
    assert words[1:4] == ["--nodes=2", "--ntasks-per-node=1", "--cpus-per-task=96"]
    start = words[words.index("ray") + 1 : words.index("--")]
    assert start[0] == "symmetric-run"
    assert start[1:5] == ["--address", "10.0.0.1:6379", "--min-nodes", "2"]
    assert start[5:] == ["--num-cpus=96", "--num-gpus=8"]


def test_slurm_makes_a_token_that_only_its_owner_can_read(tmp_path):
    call = called(CLUSTER / "slurm.sh", tmp_path, "srun", REPO=str(tmp_path))
    token = Path(call["env"]["RAY_AUTH_TOKEN_PATH"])
    assert call["env"]["RAY_AUTH_MODE"] == "token"
    assert token == tmp_path / ".ray" / "auth_token"
    assert re.fullmatch("[0-9a-f]{64}", token.read_text())
    assert token.stat().st_mode & 0o777 == 0o600


def test_slurm_shares_the_cores_of_a_node_among_its_trials(tmp_path):
    call = called(CLUSTER / "slurm.sh", tmp_path, "srun", REPO=str(tmp_path), GPUS_PER_TRIAL="2")
    assert parsed(after(call["words"], "harness"))["cpus_per_trial"] == 24


def test_a_task_of_an_array_runs_its_shard_without_ray(tmp_path):
    task = {"SLURM_ARRAY_JOB_ID": "70", "SLURM_ARRAY_TASK_ID": "3", "SLURM_ARRAY_TASK_MAX": "8"}
    where = {"REPO": str(tmp_path), "SLURM_CPUS_PER_TASK": "12", **task}
    asked = parsed(called(CLUSTER / "slurm-array.sh", tmp_path, "harness", **where)["words"][1:])
    assert str(asked["shard"]) == "3/8"
    assert (asked["scale"], asked["device"], asked["address"]) == ("paper", "cuda", None)
    assert (asked["gpus_per_trial"], asked["cpus_per_trial"]) == (1, 12)
    assert asked["campaign"] == "slurm-70"
    where |= {"SHARDS": "16", "TABLES": "table_b table_c"}
    asked = parsed(called(CLUSTER / "slurm-array.sh", tmp_path, "harness", **where)["words"][1:])
    assert (str(asked["shard"]), asked["tables"]) == ("3/16", ("table_b", "table_c"))


@pytest.mark.parametrize("script", ["slurm.sh", "slurm-array.sh"])
def test_a_job_asks_for_memory_and_for_a_signal_well_before_it_gives_up_an_epoch(script):
    text = (CLUSTER / script).read_text()
    options = dict(re.findall(r"^#SBATCH --([a-z-]+)=?(.*)$", text, flags=re.MULTILINE))
    assert options["mem" if script == "slurm.sh" else "mem-per-gpu"] in ("0", "60G")
    assert "requeue" in options
    shell, _, seconds = options["signal"].partition("@")
    assert shell == "B:USR1"
    grace = int(re.search(r"GRACE_S=\$\{GRACE_S:-(\d+)\}", text)[1])
    assert grace + 60 <= int(seconds)


@pytest.mark.parametrize(("srun", "code"), [("true", 1), ("harness", 0)])
def test_slurm_fails_unless_the_command_itself_ended_well(srun, code, tmp_path):
    """Ray's own exit code is 0 when it cannot start."""
    program = 'while [[ $1 != -- ]]; do shift; done; shift; "$@"' if srun == "harness" else "true"
    for name, text in {"srun": program, "harness": "true"}.items():
        path = tmp_path / "bin" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/bash\n{text}\n")
        path.chmod(0o755)
    given = ENVIRONMENT | {"HOME": str(tmp_path), "REPO": str(tmp_path), "VENV": str(tmp_path)}
    path = f"{tmp_path / 'bin'}:{Path(sys.executable).parent}:{os.environ['PATH']}"
    script = ["bash", str(CLUSTER / "slurm.sh")]
    done = subprocess.run(script, env=given | {"PATH": path}, cwd=tmp_path, check=False)
    assert done.returncode == code


@pytest.mark.slow
def test_a_job_is_submitted_with_the_token_and_the_store_of_runs(tmp_path):
    call = called(CLUSTER / "submit.sh", tmp_path, "ray")
    words = call["words"]
    assert words[1:3] == ["job", "submit"]
    assert words[words.index("--") + 1].endswith("/harness")
    assert parsed(after(words, "harness"))["address"] == "auto"
    assert call["env"]["RAY_AUTH_MODE"] == "token"
    options = [word for word in words[: words.index("--")] if word.startswith("--")]
    program = "from ray.dashboard.modules.job import cli\n"
    known = asked_of_ray(
        f"{program}print(*(name for each in cli.submit.params for name in each.opts))"
    )
    assert set(options) <= set(known.split())


HOSTILE = [
    "https://user:canary@host",
    'x", "LD_PRELOAD": "/tmp/evil.so',
    "x'; touch ran; '",
    "$(touch ran) `touch ran` $HOME\nexport PATH=x",
]


@pytest.mark.parametrize("value", HOSTILE)
@pytest.mark.parametrize("name", ["URI", "USERNAME", "PASSWORD", "TOKEN"])
def test_a_job_gets_the_address_of_the_store_and_no_command_line_shows_it(name, value, tmp_path):
    call = called(CLUSTER / "submit.sh", tmp_path, "ray", **{f"MLFLOW_TRACKING_{name}": value})
    words = call["words"]
    assert not [word for word in words if value in word or "canary" in word]
    assert parsed(after(words, "harness"))["address"] == "auto"
    job = words[words.index("--") + 1 :]
    (file,) = (tmp_path / "results" / "cluster").iterdir()
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700
    job[job.index(str(file)) + 1 :] = ["printenv", f"MLFLOW_TRACKING_{name}"]
    done = subprocess.run(job, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout == f"{value}\n"
    assert not file.exists()
    assert not (tmp_path / "ran").exists()


def asked_of_ray(program, *words):
    """Run a program that imports ray, which reads its environment once in a process."""
    done = subprocess.run(
        [sys.executable, "-c", program, *words], capture_output=True, text=True, check=True
    )
    return done.stdout


def ray_job():
    return yaml.safe_load((CLUSTER / "rayjob.yaml").read_text())


def test_the_ray_job_has_fields_that_kuberay_knows():
    job = ray_job()
    spec = job["spec"]
    cluster = spec["rayClusterSpec"]
    assert (job["apiVersion"], job["kind"]) == ("ray.io/v1", "RayJob")
    assert all(isinstance(value, str) for value in job["metadata"]["annotations"].values())
    assert set(spec) <= set(JOB)
    assert set(cluster) <= set(RAY_CLUSTER)
    assert set(cluster["headGroupSpec"]) <= set(HEAD)
    assert [set(group) - set(WORKERS) for group in cluster["workerGroupSpecs"]] == [set()]
    assert cluster["authOptions"]["mode"] == "token"
    assert (
        cluster["authOptions"]["secretName"]
        == job["metadata"]["annotations"]["dsanet/token-secret"]
    )


def pods():
    cluster = ray_job()["spec"]["rayClusterSpec"]
    groups = [cluster["headGroupSpec"], *cluster["workerGroupSpecs"]]
    return [group["template"]["spec"] for group in groups]


def test_every_pod_mounts_the_shared_volume_where_the_command_looks():
    asked = parsed(shlex.split(ray_job()["spec"]["entrypoint"])[1:])
    for pod in pods():
        (container,) = pod["containers"]
        volumes = {each["name"]: each for each in pod["volumes"]}
        mounts = {each["mountPath"]: volumes[each["name"]] for each in container["volumeMounts"]}
        assert "persistentVolumeClaim" in mounts["/shared"]
        for folder in (asked["results"], asked["data"], asked["weights"]):
            assert Path("/shared") in folder.parents


def test_a_trial_of_the_ray_job_fits_on_a_worker():
    job = ray_job()
    asked = parsed(shlex.split(job["spec"]["entrypoint"])[1:])
    (container,) = pods()[1]["containers"]
    limits = container["resources"]["limits"]
    assert asked["gpus_per_trial"] <= int(limits["nvidia.com/gpu"])
    assert asked["cpus_per_trial"] <= int(limits["cpu"])
    (group,) = job["spec"]["rayClusterSpec"]["workerGroupSpecs"]
    assert group["minReplicas"] == group["replicas"] == group["maxReplicas"]


def test_the_versions_of_ray_agree():
    assert ray_job()["spec"]["rayClusterSpec"]["rayVersion"] == version("ray")


@pytest.mark.slow
def test_ray_up_takes_its_file():
    path = CLUSTER / "ray-up.yaml"
    given = yaml.safe_load(path.read_text())
    schema, prepared = json.loads(asked_of_ray(PREPARE, str(path)))
    jsonschema.validate(given, schema)
    assert given["max_workers"] == len(given["provider"]["worker_ips"])
    for commands in ("head_start_ray_commands", "worker_start_ray_commands"):
        assert "RAY_AUTH_MODE=token" in prepared[commands][-1]


def commands_of(text):
    """Return the harness commands of the fenced blocks of a page, as words."""
    blocks = re.findall(r"^```(?:bash|sh)\n(.*?)^```", text, flags=re.DOTALL | re.MULTILINE)
    lines = "\n".join(blocks).replace("\\\n", " ").splitlines()
    found = []
    for line in lines:
        lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
        lexer.whitespace_split = True
        words = list(lexer)
        starts = [i for i, word in enumerate(words) if re.fullmatch(r"(.*/)?harness", word)]
        for start in starts:
            rest = words[start + 1 :]
            ends = [i for i, word in enumerate(rest) if set(word) <= set("|&;<>()")]
            found.append(rest[: min(ends, default=len(rest))])
    return found


def test_every_command_of_the_page_is_one():
    found = commands_of(PAGE.read_text())
    assert {words[0] for words in found} >= {"run", "doctor", "data", "plan", "sync"}
    for words in found:
        parsed(words)


def test_a_command_that_does_not_exist_fails():
    for line in ("harness run table_b --gpus 8", "A=1 .venv/bin/harness tun x", "harness run"):
        (words,) = commands_of(f"```bash\n{line}  # why\n```\n")
        with pytest.raises(click.UsageError):
            parsed(words)


def test_the_files_that_the_page_names_are_there():
    named = set(re.findall(r"cluster/(?:[\w-]+\.(?:sh|yaml|hashes)|Dockerfile)", PAGE.read_text()))
    assert named == {f"cluster/{path.name}" for path in CLUSTER.iterdir()}


DOCKERFILE = CLUSTER / "Dockerfile"
HASHES = CLUSTER / "requirements.hashes"


def instructions():
    """Return the instructions of the image, each a word and the rest of its line."""
    lines = re.sub(r"^\s*#.*\n", "", DOCKERFILE.read_text(), flags=re.MULTILINE)
    joined = lines.replace("\\\n", " ").splitlines()
    return [tuple(line.split(maxsplit=1)) for line in joined if line.strip()]


def test_the_image_starts_from_a_version_and_runs_as_no_administrator():
    (base,) = [rest for word, rest in instructions() if word == "FROM"]
    assert re.fullmatch(r"nvidia/cuda:\d+\.\d+\.\d+-base-ubuntu\d+\.\d+", base)
    *_, user = [rest for word, rest in instructions() if word == "USER"]
    assert int(user) >= 1_000
    last_run = max(n for n, (word, _) in enumerate(instructions()) if word == "RUN")
    assert instructions().index(("USER", user)) > last_run


def test_the_image_copies_files_that_are_there_and_nothing_from_elsewhere():
    known = {"FROM", "RUN", "ENV", "COPY", "WORKDIR", "USER"}  # no ADD, which follows addresses
    assert {word for word, _ in instructions()} <= known
    copied = [rest.split()[:-1] for word, rest in instructions() if word == "COPY"]
    for source in (path for paths in copied for path in paths):
        assert (ROOT / source).exists(), source
        assert source != "."
    assert {"harness", "experiments"} <= {path for paths in copied for path in paths}


def test_the_image_holds_no_secret_and_names_no_host():
    text = DOCKERFILE.read_text()
    assert not re.search("token|password|secret|credential|api_?key", text, flags=re.IGNORECASE)
    for path in (DOCKERFILE, HASHES):
        assert "://" not in path.read_text()
        assert not re.search(r"--(?:extra-)?index-url|--find-links", path.read_text())


def test_libraries_of_the_image_are_those_of_the_lock_and_each_has_a_hash():
    pins = re.findall(r"^([\w.-]+==[^\s;]+[^\\\n]*)", HASHES.read_text(), flags=re.MULTILINE)
    locked = (ROOT / "requirements.lock").read_text().splitlines()
    assert {pin.split()[0] for pin in pins} == {line.split()[0] for line in locked}
    entries = re.split(r"\n(?=[\w.-]+==)", HASHES.read_text())
    assert all(re.search(r"--hash=sha256:[0-9a-f]{64}", entry) for entry in entries)
    (install,) = [rest for word, rest in instructions() if "pip install" in rest]
    assert "--require-hashes" in install
    assert "--no-deps" in install


def test_the_image_is_the_one_of_the_ray_job():
    image = ray_job()["metadata"]["annotations"]["dsanet/image"]
    assert f"--tag {image} " in DOCKERFILE.read_text()
    assert image.endswith(f":{version('dsanet-harness')}")
    assert "cluster/Dockerfile" in (CLUSTER / "rayjob.yaml").read_text()
