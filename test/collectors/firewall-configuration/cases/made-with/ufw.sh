sed -i 's/^IPV6=.*/IPV6=yes/' /etc/default/ufw
ufw default deny incoming; ufw default allow outgoing; ufw allow 22/tcp; ufw limit ssh; ufw allow from 10.0.0.0/8 to any port 8080 proto tcp comment 'web of the office'; ufw deny 23; ufw reject out 25/tcp; ufw allow in on eth0 to any port 53; ufw allow 6000:6007/tcp
ufw --force enable; ufw status verbose
