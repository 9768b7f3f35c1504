"""etcd, in which the nodes of Patroni agree on their leader."""

from pathlib import Path

from lab.cluster.programs import program
from lab.stack.config.ports import LOOPBACK, free_port
from lab.stack.servers.apps import answers_ok
from lab.stack.servers.server import Server


class EtcdServer(Server):
    """One etcd server. In production, there are three servers, each on its own machine."""

    def __init__(self, directory: Path) -> None:
        super().__init__("etcd", directory)

    @property
    def address(self) -> str:
        """The host and port for clients."""
        return f"{LOOPBACK}:{self.port}"

    def ready(self) -> bool:
        """Return whether the server is healthy, that is, has elected itself as the leader."""
        return answers_ok(f"http://{self.address}/health")

    def _command(self) -> list[str]:
        clients, peers = f"http://{self.address}", f"http://{LOOPBACK}:{free_port()}"
        return [
            program("etcd"), "--name", "etcd", "--data-dir", str(self.directory / "data"),
            "--listen-client-urls", clients, "--advertise-client-urls", clients,
            "--listen-peer-urls", peers, "--initial-advertise-peer-urls", peers,
            "--initial-cluster", f"etcd={peers}",
        ]  # fmt: skip
