package ofconn

import "ofswitch/ofp"

// handleQueueGetConfig: OpenFlow 1.3.5 §7.3.6. The reply names the port of the
// request.
func (c *conn) handleQueueGetConfig(h ofp.Header, msg []byte, m ofp.Message) error {
	req := m.(*ofp.QueueGetConfigRequest)
	queues, err := c.m.sw.QueueConfigs(req.Port)
	if err != nil {
		return c.refuse(h, msg, err)
	}
	return c.reply(h.XID, &ofp.QueueGetConfigReply{Port: req.Port, Queues: queues})
}
