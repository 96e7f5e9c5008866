package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
)

// nginxConf serves one location with as many workers as cores, no access log, and
// open connections: a setup for speed. Each worker has its own socket. With a
// shared one, it is chance whether one worker gets all connections, and so
// whether wrk gets the other core for itself.
const nginxConf = `%sworker_processes auto;
daemon off;
pid %[2]s/pid;
error_log %[2]s/error.log;
events { worker_connections 1024; }
http {
  access_log off;
  sendfile on;
  tcp_nopush on;
  keepalive_requests 100000000;
  default_type application/octet-stream;
  client_body_temp_path %[2]s/t1;
  proxy_temp_path %[2]s/t2;
  fastcgi_temp_path %[2]s/t3;
  uwsgi_temp_path %[2]s/t4;
  scgi_temp_path %[2]s/t5;
  %[3]s
  server {
    listen %[4]s reuseport;
    location / { %[5]s }
  }
}
`

func (l *lab) startNginx(ctx context.Context, conf, location string) (*webServer, error) {
	listen, err := freePort()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(l.dir, "nginx-")
	if err != nil {
		return nil, err
	}
	user := ""
	if os.Getuid() == 0 {
		user = "user root;\n" // its workers must read our folder
	}
	file := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(file, fmt.Appendf(nil, nginxConf, user, dir, conf, listen, location), 0o644); err != nil {
		return nil, err
	}
	p, err := program{dir: dir, args: []string{l.nginx, "-c", file, "-e", filepath.Join(dir, "error.log")}}.start(ctx)
	if err != nil {
		return nil, err
	}
	return &webServer{name: "nginx", url: "http://" + listen, process: p}, nil
}
