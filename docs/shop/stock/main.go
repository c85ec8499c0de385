// stock: a service in Go, in an image that has nothing but this program.
package main

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"
)

func main() {
	address := ":" + os.Getenv("PORT")
	if len(os.Args) > 1 && os.Args[1] == "check" {
		answer, err := http.Get("http://127.0.0.1" + address + "/healthz")
		if err != nil || answer.StatusCode != http.StatusOK {
			os.Exit(1)
		}
		return
	}
	grace, err := strconv.Atoi(os.Getenv("GRACEFUL_SECONDS"))
	if err != nil {
		log.Fatal("GRACEFUL_SECONDS: ", err)
	}
	server := &http.Server{Addr: address, Handler: http.HandlerFunc(answer), IdleTimeout: 75 * time.Second}
	stop, _ := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	go func() {
		if err := server.ListenAndServe(); err != http.ErrServerClosed {
			log.Fatal(err)
		}
	}()
	<-stop.Done()
	limit, cancel := context.WithTimeout(context.Background(), time.Duration(grace)*time.Second)
	defer cancel()
	if err := server.Shutdown(limit); err != nil {
		log.Fatal(err)
	}
}

func answer(w http.ResponseWriter, r *http.Request) {
	if name := r.Header.Get("X-Service"); name != "" && name != "stock" {
		w.Header().Set("X-Accel-Redirect", "@again") // nginx asks a replica of that service
		w.WriteHeader(http.StatusMisdirectedRequest)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	fmt.Fprint(w, `{"Code":2000,"Message":"42 in stock"}`)
}
