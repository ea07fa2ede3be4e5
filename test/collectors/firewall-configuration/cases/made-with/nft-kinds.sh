# Makes a ruleset of every kind of statement that this nft and this kernel take; what they refuse is told on stderr.
add() { nft "$@" 2>/dev/null || echo "refused: $*" >&2; }
nft -f - <<'N'
table inet filter {
  set blocked { type ipv4_addr; flags interval, timeout; elements = { 1.2.3.4, 5.6.0.0/16, 7.7.7.7-7.7.7.20 } }
  set svc { type inet_proto . inet_service; elements = { tcp . 80, udp . 53 } }
  set seen { type ipv4_addr; flags dynamic, timeout; timeout 60s; }
  map portv { type inet_service : verdict; elements = { 22 : accept, 23 : drop } }
  counter c1 { }
  limit l1 { rate 10/minute }
  quota q1 { over 25 mbytes }
  chain web { }
  chain input { type filter hook input priority filter; policy drop; }
  chain forward { type filter hook forward priority 0; policy accept; }
  chain output { type filter hook output priority 0; }
}
table ip nat {
  map tgt { type ipv4_addr : ipv4_addr; elements = { 1.1.1.1 : 2.2.2.2 } }
  chain pre { type nat hook prerouting priority -100; }
  chain post { type nat hook postrouting priority 100; }
}
table netdev early {
  chain arriving { type filter hook ingress device "lo" priority 0; policy accept; }
}
table bridge br {
  chain passing { type filter hook forward priority 0; }
}
table arp neighbours {
  chain asked { type filter hook input priority 0; }
}
table ip6 sleeping {
  flags dormant
  chain coming { type filter hook input priority 5; policy drop; }
}
N
add 'add element inet filter portv { 80 : jump web }'
add 'add rule inet filter web ip saddr 1.1.1.1 return'
add 'add rule inet filter web accept'
while read -r rule; do [ -n "$rule" ] && add "add rule inet filter input $rule"; done <<'R'
ct state vmap { established : accept, related : accept, invalid : drop }
ct state established,related accept
ct state new tcp dport 22 limit rate 15/minute burst 5 packets accept comment "ssh limited"
ct state != { established, related } drop
iif lo accept
iifname "eth0" accept
iifname { "eth1", "wlan*" } oifname != "br0" accept
ip saddr { 10.0.0.0/8, 192.168.0.0/16 } tcp dport { 80, 443, 8000-8100 } accept
ip saddr @blocked drop
ip saddr != 10.0.0.0/8 udp dport 53 accept
ip saddr 10.0.0.1-10.0.0.9 accept
ip6 saddr fe80::/10 icmpv6 type { nd-neighbor-solicit, echo-request } accept
meta l4proto { tcp, udp } th dport 53 accept
meta l4proto . th dport @svc accept
tcp dport vmap @portv
tcp dport vmap { 25 : accept, 110 : drop, 111-113 : jump web, 4000 : goto web }
ip saddr . tcp dport { 1.1.1.1 . 22, 2.2.2.0/24 . 80-90 } accept
ip protocol 47 accept
ip protocol icmp accept
ip protocol != { 6, 17 } drop
meta mark 0x10 accept
meta mark and 0xff == 0x10 accept
meta mark set 0x5
sctp dport 2905 accept
dccp sport 33 accept
udplite dport 99 accept
tcp flags & (fin|syn|rst|ack) == syn counter accept
fib saddr . iif oif missing drop
fib daddr type local accept
reject with icmpx type admin-prohibited
tcp dport 113 reject with tcp reset
log prefix "dropped: " level warn
log prefix "x" group 3 drop
queue num 1-3 bypass
tcp dport 9000 queue num 3
meta nfproto ipv6 accept
meta nfproto ipv4 ip ttl 1 drop
ether saddr 00:11:22:33:44:55 accept
meta skuid 1000 accept
ct count over 20 drop
ct mark 1 accept
ct direction original accept
ct original ip saddr 1.1.1.1 accept
ct status dnat accept
counter name c1
limit name l1 accept
quota name q1 drop
ip dscp cs1 accept
@th,0,16 22 accept
tcp option maxseg size 1-500 drop
meta pkttype { broadcast, multicast } accept
meta length > 1000 drop
tcp dport > 1024 accept
tcp dport >= 1024 tcp dport < 2000 accept
tcp dport 22 tcp dport 23 accept
exthdr frag exists drop
numgen inc mod 2 vmap { 0 : accept, 1 : drop }
meter flood { ip saddr limit rate over 10/second } drop
update @seen { ip saddr }
add @seen { ip saddr limit rate over 10/second } drop
meta hour "08:00"-"17:00" accept
meta day { "Monday", "Sunday" } accept
limit rate over 1 mbytes/second drop
notrack
continue
tcp dport 22 return
counter
jump web
goto web
R
while read -r rule; do add "add rule inet filter $rule"; done <<'R'
forward tcp flags syn tcp option maxseg size set rt mtu
forward ip daddr 1.1.1.1 accept
output oif lo accept
output udp sport 68 udp dport 67 accept
R
while read -r rule; do add "add rule ip nat $rule"; done <<'R'
pre tcp dport 8080 dnat to 10.0.0.2:80
pre tcp dport 81 redirect to :8081
pre dnat to tcp dport map { 90 : 10.1.1.1, 91 : 10.1.1.2 }
pre dnat to ip daddr map @tgt
post oifname "eth0" masquerade
post ip saddr 10.0.0.0/8 snat to 1.2.3.4 persistent
R
add 'add rule netdev early arriving ip saddr 9.9.9.9 drop'
add 'add rule bridge br passing ether type arp accept'
add 'add rule bridge br passing vlan id 5 drop'
add 'add rule arp neighbours asked arp operation request accept'
add 'add rule ip6 sleeping coming tcp dport 1 accept'
