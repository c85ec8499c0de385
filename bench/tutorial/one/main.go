package main

import (
	"encoding/json"
	"log"
	"net/http"
)

type answer struct {
	Code    int
	Message string
}

func sayHello(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Access-Control-Allow-Origin", "*")
	w.Header().Set("Access-Control-Allow-Headers", "Content-Type")
	reply := answer{2000, "Hello Microservice1"}
	if r.Method != http.MethodGet {
		reply = answer{4000, "Only Allow GET Method!"}
	}
	body, err := json.Marshal(reply)
	if err != nil {
		log.Println(err)
	}
	w.Write(body)
}

func main() {
	http.HandleFunc("/say_hello", sayHello)
	log.Fatal(http.ListenAndServe(":8080", nil))
}
