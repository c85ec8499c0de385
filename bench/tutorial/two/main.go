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

func whoAmI(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Access-Control-Allow-Origin", "*")
	w.Header().Set("Access-Control-Allow-Headers", "Content-Type")
	body, err := json.Marshal(answer{2000, "I am yizhigopher!"})
	if err != nil {
		log.Println(err)
	}
	w.Write(body)
}

func main() {
	http.HandleFunc("/who_am_i", whoAmI)
	log.Fatal(http.ListenAndServe(":8080", nil))
}
