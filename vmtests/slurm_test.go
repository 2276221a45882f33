package vmtests

import (
	"crypto/rand"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netstrip/netstrip/initramfs/wire"
	"github.com/netstrip/netstrip/kconfigs"
	"github.com/netstrip/netstrip/vmtests/record"
	"github.com/netstrip/netstrip/vmtests/run"
)

// slurmConf is the configuration of two nodes on one host, which Debian's build allows.
const slurmConf = `ClusterName=one
SlurmctldHost=HOST(127.0.0.1)
SlurmctldPort=16817
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket=DIR/munge.sock
SlurmdParameters=config_overrides
StateSaveLocation=DIR/state
SlurmdSpoolDir=DIR/spool/%n
SlurmctldPidFile=DIR/ctld.pid
SlurmdPidFile=DIR/%n.pid
SlurmctldLogFile=DIR/ctld.log
SlurmdLogFile=DIR/%n.log
ProctrackType=proctrack/pgid
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
ReturnToService=2
NodeName=n1 NodeHostname=HOST NodeAddr=127.0.0.1 Port=17001 CPUs=1
NodeName=n2 NodeHostname=HOST NodeAddr=127.0.0.1 Port=17002 CPUs=1
PartitionName=all Nodes=n1,n2 Default=YES MaxTime=INFINITE State=UP
`

// slurm is a running Slurm with its directory.
type slurm struct {
	t   *testing.T
	dir string
	env []string
}

// startSlurm starts munged, slurmctld and two slurmd, which end with the test.
func startSlurm(t *testing.T) *slurm {
	t.Helper()
	for _, program := range []string{"munged", "slurmctld", "slurmd", "sbatch", "scontrol"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("NO SLURM IS TESTED: %v: apt-get install slurm-wlm munge", err)
		}
	}
	if os.Geteuid() != 0 {
		t.Skip("NO SLURM IS TESTED: its daemons need root")
	}
	dir, err := os.MkdirTemp("/tmp", "slurm") // short: a socket's path has at most 107 bytes
	require.NoError(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	host, err := os.Hostname()
	require.NoError(t, err)
	s := &slurm{t, dir, append(os.Environ(), "SLURM_CONF="+dir+"/slurm.conf", "PATH="+dir+":"+os.Getenv("PATH"))}
	conf := strings.NewReplacer("HOST", host, "DIR", dir).Replace(slurmConf)
	require.NoError(t, os.WriteFile(dir+"/slurm.conf", []byte(conf), 0o644))
	key := make([]byte, 128)
	_, _ = rand.Read(key)
	require.NoError(t, os.WriteFile(dir+"/key", key, 0o400))
	for _, sub := range []string{"state", "spool/n1", "spool/n2"} {
		require.NoError(t, os.MkdirAll(filepath.Join(dir, sub), 0o755))
	}
	s.start("munged", "--foreground", "--force", "-S", dir+"/munge.sock", "--key-file="+dir+"/key", "--pid-file="+dir+"/munged.pid",
		"--log-file="+dir+"/munged.log", "--seed-file="+dir+"/seed")
	require.Eventually(t, func() bool { _, err := os.Stat(dir + "/munge.sock"); return err == nil }, 30*time.Second, 50*time.Millisecond)
	s.start("slurmctld", "-D", "-f", dir+"/slurm.conf", "-c")
	s.start("slurmd", "-D", "-N", "n1", "-f", dir+"/slurm.conf")
	s.start("slurmd", "-D", "-N", "n2", "-f", dir+"/slurm.conf")
	require.Eventually(t, func() bool {
		out, _ := s.command("sinfo", "-h", "-N", "-o", "%T").Output()
		return strings.Count(string(out), "idle") == 2
	}, 2*time.Minute, 200*time.Millisecond, "the nodes are not ready")
	return s
}

func (s *slurm) command(args ...string) *exec.Cmd {
	cmd := exec.CommandContext(s.t.Context(), args[0], args[1:]...)
	cmd.Env = s.env
	return cmd
}

// start starts a daemon that ends with the test.
func (s *slurm) start(args ...string) {
	s.t.Helper()
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Env = s.env
	require.NoError(s.t, cmd.Start())
	s.t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		ended := time.AfterFunc(10*time.Second, func() { _ = cmd.Process.Kill() })
		_ = cmd.Wait()
		ended.Stop()
	})
}

// An array of four Slurm jobs boots the ladder, one of them is killed and requeued, and the merged
// results are those of one machine.
func TestSlurm(t *testing.T) {
	if os.Getenv(fullEnv) == "" {
		t.Skip("NO SLURM IS TESTED without " + fullEnv + "; make full tests it")
	}
	runner := newTestRunner(t, run.Options{Results: filepath.Join(t.TempDir(), "one.jsonl")})
	s := startSlurm(t)
	out, err := s.command("go", "build", "-o", s.dir+"/netstrip", "../cmd/netstrip").CombinedOutput()
	require.NoError(t, err, string(out))
	one, err := runner.Run(t.Context(), kconfigs.Ladder())
	require.NoError(t, err)

	results := s.dir + "/results"
	s.env = append(s.env, "RESULTS="+results, "SHARDS=4", "CPUS=1")
	array := s.command("../.github/examples/slurm.sh")
	done := make(chan error, 1)
	go func() {
		var err error
		out, err = array.CombinedOutput()
		done <- err
	}()
	s.requeue(results + "/shard-1.jsonl")
	require.NoError(t, <-done, string(out))
	assert.Contains(t, string(out), "shard 2 of 4 (SLURM_ARRAY_TASK_ID): ")
	assert.Equal(t, 2, strings.Count(string(out), "shard 2 of 4"), "it was started twice")
	f, err := record.Store{Path: results + "/all.jsonl"}.Open()
	require.NoError(t, err)
	defer f.Close()
	merged, damage, err := f.Read(f.Records)
	require.NoError(t, err)
	assert.Empty(t, damage)
	assert.Equal(t, lasting(one), lasting(merged))
	for _, r := range merged {
		assert.FileExists(t, filepath.Join(results, r.ConsoleLog))
	}
	s.exitCodes(results)
}

// requeue kills and requeues the second task of the array once it has a plan.
func (s *slurm) requeue(results string) {
	s.t.Helper()
	job := ""
	require.Eventually(s.t, func() bool {
		out, _ := s.command("squeue", "-h", "-t", "RUNNING", "-o", "%F_%K").Output()
		for _, id := range strings.Fields(string(out)) {
			if strings.HasSuffix(id, "_1") {
				job = id
			}
		}
		_, err := os.Stat(results)
		return err == nil && job != ""
	}, 20*time.Minute, 50*time.Millisecond, "the second task does not run")
	out, err := s.command("scontrol", "requeue", job).CombinedOutput()
	require.NoError(s.t, err, string(out))
	require.Eventually(s.t, func() bool { // otherwise Slurm waits for two minutes
		return s.command("scontrol", "update", "JobId="+job, "StartTime=now").Run() == nil
	}, time.Minute, 200*time.Millisecond)
}

// exitCodes checks that the exit codes of netstrip come through sbatch: 1 if two shards disagree, 3 if
// one is missing.
func (s *slurm) exitCodes(results string) {
	s.t.Helper()
	lie := s.dir + "/lie"
	require.NoError(s.t, os.CopyFS(lie, os.DirFS(results)))
	data, err := os.ReadFile(lie + "/shard-0.jsonl")
	require.NoError(s.t, err)
	require.Contains(s.t, string(data), `"outcome":"completed"`)
	require.NoError(s.t, os.WriteFile(lie+"/shard-0.jsonl", []byte(strings.ReplaceAll(string(data), `"outcome":"completed"`, `"outcome":"hung"`)), 0o644))
	for code, files := range map[int]string{
		1: results + "/shard-?.jsonl " + lie + "/shard-0.jsonl",
		3: results + "/shard-[012].jsonl",
		0: results + "/shard-?.jsonl",
	} {
		cmd := s.command("sbatch", "--wait", "--array=0-1", "--output="+s.dir+"/%a.log", "--wrap",
			fmt.Sprintf("[ $SLURM_ARRAY_TASK_ID = 0 ] || netstrip merge %s -o %s/merged-%d.jsonl", files, s.dir, code))
		_ = cmd.Run()
		said, _ := os.ReadFile(s.dir + "/1.log")
		assert.Equal(s.t, code, cmd.ProcessState.ExitCode(), string(said))
	}
}

// lasting returns what does not differ between two runs: no times, names of runs and paths.
func lasting(records []record.Record) (all []record.Record) {
	for _, r := range records {
		l := record.Record{Schema: r.Schema, Profile: r.Profile, Series: r.Series, Arch: r.Arch, Init: r.Init, Probes: r.Probes,
			Kernel: r.Kernel, Initramfs: r.Initramfs, Machine: r.Machine, Outcome: r.Outcome, Reason: r.Reason, Unanswered: append([]string(nil), r.Unanswered...)}
		l.ID = strings.TrimPrefix(r.ID, r.Run)
		l.Machine.AccelReason, l.Machine.Command = "", ""
		for _, f := range r.Findings {
			l.Findings = append(l.Findings, wire.Finding{ID: f.ID, Verdict: f.Verdict, Errno: f.Errno, Call: f.Call, Value: f.Value})
		}
		all = append(all, l)
	}
	return all
}
