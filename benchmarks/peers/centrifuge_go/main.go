// The Go centrifuge library: the server half of Centrifugo, with its memory broker.
//
// usage: centrifuge_go PORT [HISTORY]
// HISTORY is how many publications a channel keeps; with it, every subscription is recoverable.
package main

import (
	"context"
	"encoding/json"
	"log"
	"net/http"
	"os"
	"strconv"
	"time"

	"github.com/centrifugal/centrifuge"
)

type request struct {
	Channel  string          `json:"channel"`
	Channels []string        `json:"channels"`
	Data     json.RawMessage `json:"data"`
}

func newNode(history int) *centrifuge.Node {
	node, err := centrifuge.New(centrifuge.Config{LogLevel: centrifuge.LogLevelError})
	if err != nil {
		log.Fatal(err)
	}
	node.OnConnecting(func(_ context.Context, _ centrifuge.ConnectEvent) (centrifuge.ConnectReply, error) {
		return centrifuge.ConnectReply{Credentials: &centrifuge.Credentials{UserID: "dev"}}, nil
	})
	node.OnConnect(func(client *centrifuge.Client) {
		client.OnSubscribe(func(_ centrifuge.SubscribeEvent, answer centrifuge.SubscribeCallback) {
			answer(centrifuge.SubscribeReply{Options: centrifuge.SubscribeOptions{
				EnableRecovery:    history > 0,
				EnablePositioning: history > 0,
			}}, nil)
		})
	})
	if err := node.Run(); err != nil {
		log.Fatal(err)
	}
	return node
}

func publisher(node *centrifuge.Node, history int) http.HandlerFunc {
	var options []centrifuge.PublishOption
	if history > 0 {
		options = append(options, centrifuge.WithHistory(history, time.Hour))
	}
	return func(answer http.ResponseWriter, asked *http.Request) {
		var wanted request
		if err := json.NewDecoder(asked.Body).Decode(&wanted); err != nil {
			http.Error(answer, err.Error(), http.StatusBadRequest)
			return
		}
		if wanted.Channel != "" {
			wanted.Channels = append(wanted.Channels, wanted.Channel)
		}
		for _, channel := range wanted.Channels {
			if _, err := node.Publish(channel, wanted.Data, options...); err != nil {
				http.Error(answer, err.Error(), http.StatusInternalServerError)
				return
			}
		}
		answer.Write([]byte("{}"))
	}
}

func main() {
	history := 0
	if len(os.Args) > 2 {
		history, _ = strconv.Atoi(os.Args[2])
	}
	node := newNode(history)
	http.Handle("/connection/websocket", centrifuge.NewWebsocketHandler(node, centrifuge.WebsocketConfig{
		UseWriteBufferPool: true,
	}))
	http.Handle("/publish", publisher(node, history))
	log.Fatal(http.ListenAndServe("127.0.0.1:"+os.Args[1], nil))
}
