"""ofswitch as a switch of Mininet.

    mn --custom testdata/mininet/ofswitch.py --switch ofswitch --topo linear,3
    mn --custom testdata/mininet/ofswitch.py --switch ofswitch --controller none

The daemon is ofswitchd of the PATH, or the environment variable OFSWITCHD.
It ends with Mininet, however that ends. Each switch has a run directory of its
own, which `sh ls -d /tmp/ofswitch-*` lists: ofctl --run-dir DIR show s1
"""

import ctypes
import os
import shutil
import signal
import subprocess
import tempfile
import time

from mininet.node import Switch

PR_SET_PDEATHSIG = 1  # prctl(2)
libc = ctypes.CDLL(None)


def end_with_parent():
    """Has the kernel end this process when Mininet is gone."""
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


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
        try:
            with open(self._log_path(), "w") as log:
                self.process = subprocess.Popen(
                    args, stderr=log, stdin=subprocess.DEVNULL, preexec_fn=end_with_parent)
            self._await_ready()
        except FileNotFoundError:
            self._end()
            raise RuntimeError("%s: %s is not there: put ofswitchd into the PATH, or set OFSWITCHD=PATH" % (self.name, args[0]))
        except BaseException:
            self._end()
            raise

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

    def _end(self):
        """Ends the daemon, if it runs, and removes what it needed."""
        if self.process is not None:
            self.process.terminate()
            self.process.wait()
            self.process = None
        if self.run_dir is not None:
            shutil.rmtree(self.run_dir, ignore_errors=True)
            self.run_dir = None

    def stop(self, deleteIntfs=True):
        self._end()
        Switch.stop(self, deleteIntfs)


switches = {"ofswitch": OFSwitch}
