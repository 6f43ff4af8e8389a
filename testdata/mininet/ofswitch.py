"""ofswitch as a switch of Mininet.

    mn --custom testdata/mininet/ofswitch.py --switch ofswitch --topo linear,3
    mn --custom testdata/mininet/ofswitch.py --switch ofswitch --controller none

The daemon is ofswitchd of the PATH, or the environment variable OFSWITCHD.
"""

import os
import shutil
import subprocess
import tempfile
import time

from mininet.node import Switch


class OFSwitch(Switch):
    """One ofswitchd a switch, in its one-shot form."""

    def __init__(self, name, failMode="standalone", datapath_opts=None, **params):
        Switch.__init__(self, name, **params)
        self.fail_mode = failMode
        self.options = datapath_opts or []
        self.process = None
        self.run_dir = None
        self.controllers = 0

    def start(self, controllers):
        self.controllers = len(controllers)
        self.run_dir = tempfile.mkdtemp(prefix="ofswitch-%s-" % self.name)
        args = [os.environ.get("OFSWITCHD", "ofswitchd"), "--run-dir", self.run_dir, "--db", "none",
                "--bridge", self.name, "--datapath-id", self.dpid, "--fail-mode", self.fail_mode]
        for number, intf in sorted(self.intfs.items()):
            if intf.name != "lo":
                args += ["--port", "%s@%d" % (intf.name, number)]
        for c in controllers:
            args += ["--controller", "tcp:%s:%d" % (c.IP(), c.port)]
        args += self.options
        with open(self._log_path(), "w") as log:
            self.process = subprocess.Popen(args, stderr=log, stdin=subprocess.DEVNULL)
        self._await_ready()

    def _log_path(self):
        return os.path.join(self.run_dir, "log")

    def _log(self):
        with open(self._log_path()) as log:
            return log.read()

    def _await_ready(self):
        for _ in range(3000):
            if "msg=ready" in self._log():
                return
            if self.process.poll() is not None:
                break
            time.sleep(0.01)
        raise RuntimeError("%s: ofswitchd is not ready:\n%s" % (self.name, self._log()))

    def connected(self):
        """True when the switch runs and, if it has controllers, one has it."""
        if self.process is None or self.process.poll() is not None:
            return False
        return self.controllers == 0 or "connection established" in self._log()

    def stop(self, deleteIntfs=True):
        if self.process is not None:
            self.process.terminate()
            self.process.wait()
            shutil.rmtree(self.run_dir, ignore_errors=True)
        Switch.stop(self, deleteIntfs)


switches = {"ofswitch": OFSwitch}
