package main

import (
	"fmt"
	"log/slog"
	"os"
	"sync"
)

// accessLog is where requests are logged. logger is nil if they are not.
type accessLog struct {
	logger *slog.Logger
	file   *reopened // nil: standard output
}

func (a *app) openAccessLog(cfg config) (accessLog, error) {
	switch name := cfg.Serve.AccessLog; name {
	case "":
		return accessLog{}, nil
	case "-":
		return accessLog{logger: slog.New(logHandler(a.stdout, cfg.LogFormat, slog.LevelInfo))}, nil
	default:
		file := &reopened{name: name}
		if err := file.reopen(); err != nil {
			return accessLog{}, usage(fmt.Errorf("open access log: %w", err), "")
		}
		return accessLog{slog.New(logHandler(file, cfg.LogFormat, slog.LevelInfo)), file}, nil
	}
}

func (l accessLog) reopen() error {
	if l.file == nil {
		return nil
	}
	return l.file.reopen()
}

// reopened is a file to append to, which someone else may move away.
// It is safe for concurrent use.
type reopened struct {
	name string
	mu   sync.Mutex
	file *os.File
}

func (r *reopened) reopen() error {
	file, err := os.OpenFile(r.name, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o640)
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.file != nil {
		err = r.file.Close()
	}
	r.file = file
	return err
}

func (r *reopened) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.file.Write(p)
}
