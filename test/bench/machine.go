package main

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
)

// machine is the machine of the measurement.
type machine struct {
	Cores  int    `json:"cores"`
	CPU    string `json:"cpu"`
	Memory string `json:"memory"`
	Go     string `json:"go"`
	Kernel string `json:"kernel"`
	Load   string `json:"load"` // before the run, over 1, 5 and 15 minutes
}

func (r *report) machine() *machine {
	r.Machine = machine{
		Cores:  runtime.NumCPU(),
		CPU:    field("/proc/cpuinfo", "model name"),
		Memory: field("/proc/meminfo", "MemTotal"),
		Go:     runtime.Version(),
		Kernel: runtime.GOOS + "/" + runtime.GOARCH,
		Load:   "unknown",
	}
	if out, err := exec.Command("uname", "-sr").Output(); err == nil {
		r.Machine.Kernel = strings.TrimSpace(string(out))
	}
	if data, err := os.ReadFile("/proc/loadavg"); err == nil {
		if f := strings.Fields(string(data)); len(f) > 2 {
			r.Machine.Load = strings.Join(f[:3], " ")
		}
	}
	return &r.Machine
}

// field returns the first value of a name in a file of lines "name: value".
func field(file, name string) string {
	data, err := os.ReadFile(file)
	if err != nil {
		return "unknown"
	}
	for line := range strings.Lines(string(data)) {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return "unknown"
}

func (m *machine) write(w io.Writer) {
	fmt.Fprintf(w, "%d cores, %s, memory %s\n%s, %s, load before %s\n", m.Cores, m.CPU, m.Memory, m.Go, m.Kernel, m.Load)
}
