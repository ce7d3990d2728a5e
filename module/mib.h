/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Counters of one namespace, shown by /proc/net/tcpx_snmp. Where native TCP
 * has a counter of the same meaning (/proc/net/snmp, /proc/net/netstat), ours
 * has its name.
 */
#ifndef _TCPX_MIB_H
#define _TCPX_MIB_H

#include <linux/types.h>

/* X(name, "what it counts") */
#define TCPX_MIB_COUNTERS(X)						\
	X(ActiveOpens, "connections opened by connect()")		\
	X(PassiveOpens, "connections opened by a listener")		\
	X(AttemptFails, "opens that failed")				\
	X(EstabResets, "resets out of ESTABLISHED or CLOSE-WAIT")	\
	X(InSegs, "segments received, errors included")			\
	X(EarlyDemux, "segments whose connection was found before IP's route")\
	X(OutSegs, "segments sent, retransmissions excluded")		\
	X(RetransSegs, "segments retransmitted")			\
	X(InErrs, "segments received in error")				\
	X(OutRsts, "segments sent with RST")				\
	X(InCsumErrors, "segments with a wrong checksum")		\
	X(InHdrErrors, "segments with an impossible header")		\
	X(ListenOverflows, "SYNs and final ACKs refused: accept queue full")\
	X(ListenDrops, "SYNs dropped by a listener")			\
	X(ReqQFullDrop, "SYNs dropped: request queue full")		\
	X(ReqQFullDoCookies, "SYNs answered by cookie: request queue full")\
	X(SyncookiesSent, "SYN cookies sent")				\
	X(SyncookiesRecv, "ACKs that brought a good SYN cookie")	\
	X(SyncookiesFailed, "ACKs refused: no good SYN cookie")		\
	X(FastOpenActive, "SYNs sent whose data were acknowledged")	\
	X(FastOpenActiveFail, "SYNs sent whose data were not, timeouts")\
	X(FastOpenPassive, "connections opened by a Fast Open SYN")	\
	X(FastOpenPassiveFail, "Fast Open cookies refused")		\
	X(FastOpenPassiveAltKey, "Fast Open cookies of the second key")	\
	X(FastOpenListenOverflow, "Fast Open SYNs beyond TCP_FASTOPEN")	\
	X(FastOpenCookieReqd, "SYNs that asked for a Fast Open cookie")	\
	X(FastOpenBlackhole, "times active Fast Open was paused")	\
	X(SendFragsReused, "pieces of 32 KiB of send buffers used again")\
	X(SendSkbsReused, "heads of what is sent used again")	\
	X(SynRetrans, "SYN and SYN,ACK retransmissions")		\
	X(TimeoutRexmt, "retransmission timeouts")			\
	X(Timeouts, "all timer expiries that acted")			\
	X(FastRetrans, "segments retransmitted in recovery")		\
	X(SlowStartRetrans, "segments retransmitted after a timeout")	\
	X(LostRetransmit, "retransmissions found lost")		\
	X(LossProbes, "tail loss probes sent")				\
	X(LossProbeRecovery, "losses that a tail loss probe repaired")	\
	X(SpuriousRTOs, "timeouts taken back: F-RTO")			\
	X(LossUndo, "timeouts taken back: timestamps")			\
	X(FullUndo, "recoveries taken back: timestamps")		\
	X(DSACKUndo, "reductions taken back: D-SACK")			\
	X(RetransFail, "retransmissions that could not be sent")	\
	X(DeliveredCE, "segments acknowledged with ECE")		\
	X(ECNFallback, "SYNs repeated without ECN")			\
	X(RenoRecovery, "recoveries entered without SACK")		\
	X(SackRecovery, "recoveries entered with SACK")			\
	X(DelayedACKs, "ACKs sent by the delayed ACK timer")		\
	X(DelayedACKLost, "duplicates received, our ACK was lost")	\
	X(DupAcksIn, "duplicate ACKs received")				\
	X(SackBlocksIn, "SACK blocks received")				\
	X(SackDiscard, "SACK blocks ignored as invalid")		\
	X(SackReneging, "receivers that dropped SACKed data")		\
	X(DSACKOldSent, "D-SACKs sent for old data")			\
	X(DSACKOfoSent, "D-SACKs sent for out-of-order data")		\
	X(DSACKRecv, "D-SACKs received")				\
	X(OFOQueue, "segments queued out of order")			\
	X(OFODrop, "segments dropped: no room out of order")		\
	X(OFOMerge, "segments dropped out of order as duplicates")	\
	X(OfoPruned, "segments pruned from the out-of-order queue")	\
	X(RcvPruned, "times the receive queue was collapsed")		\
	X(RcvCoalesce, "segments merged into the one before")		\
	X(BacklogDrop, "segments dropped: socket backlog full")		\
	X(ZeroWindowDrop, "segments dropped at zero window")		\
	X(RcvQDrop, "segments dropped: no receive memory")		\
	X(BeyondWindow, "segments outside the receive window")		\
	X(PAWSEstab, "segments dropped by PAWS")			\
	X(TSMissing, "segments dropped: timestamps were agreed upon")	\
	X(ChallengeACK, "challenge ACKs sent (RFC 5961)")		\
	X(SYNChallenge, "challenge ACKs for a SYN")			\
	X(ACKSkipped, "ACKs not sent: rate limit")			\
	X(AckOutOfRange, "ACKs of data never sent or too old")		\
	X(TW, "TIME-WAIT blocks that ran out")				\
	X(TWRecycled, "TIME-WAIT blocks reopened by a SYN")		\
	X(TimeWaitOverflow, "TIME-WAIT blocks refused: too many")	\
	X(AbortOnData, "resets sent: data unread or after close")	\
	X(AbortOnClose, "resets sent on close with unread data")	\
	X(AbortOnMemory, "connections ended by memory shortage")	\
	X(AbortOnTimeout, "connections ended by a timeout")		\
	X(AbortOnLinger, "connections ended by linger")			\
	X(KeepAlive, "keepalive probes sent")				\
	X(WinProbe, "window probes sent")				\
	X(FromZeroWindowAdv, "times our window reopened")		\
	X(ToZeroWindowAdv, "times our window closed")			\
	X(MemoryPressures, "times memory pressure was entered")		\
	X(PMTUUpdates, "path MTU reductions taken from ICMP")		\
	X(PMTUDelayed, "of ICMP, not believed before a timeout")	\
	X(PMTUIgnored, "of ICMP, about no segment of that size")	\
	X(PMTUBlackHoles, "path MTU reductions after timeouts")		\
	X(MTUPSuccess, "path MTU probes that arrived")			\
	X(MTUPFail, "path MTU probes that were lost")			\
	X(IcmpOutOfWindow, "ICMP errors ignored by RFC 5927")		\
	X(LockDroppedIcmps, "ICMP errors dropped: socket owned")	\
	X(MinTTLDrop, "segments dropped by IP_MINTTL")			\
	X(UrgentIn, "urgent pointers received")				\
	X(OrigDataSent, "data segments sent, retransmissions excluded")	\
	X(FilterDrop, "segments dropped by a socket filter")

struct tcpx_mib {
#define X(name, doc)	unsigned long name;
	TCPX_MIB_COUNTERS(X)
#undef X
};

#endif /* _TCPX_MIB_H */
