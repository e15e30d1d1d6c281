"""Mathematics of the poll schedule: which package to ask the service about next, and when.

The service packs an archive after a first PUT and says "pending" or "ready" whenever the PUT is repeated. A policy has
to finish a batch of n packages early, with few requests, under a limit of calls per second, and before links expire.
This page states the model, its update, and the decisions; the files hold one part each.

1. Model (`packing_time.py`)
   The packing time T of a package, in seconds from its first request, is lognormal: ln T ~ N(mu, sigma^2). With
   z(t) = (ln t - mu) / sigma and the standard normal distribution function Phi, its survival function is
       S(t) = P(T > t) = 1 - Phi(z(t)).
   Data are interval-censored: a poll at age a of a package that was pending at age s < a gives y = [T <= a | T > s],
       P(y = 0) = q = S(a) / S(s),    P(y = 1) = 1 - q.
   The parameter vector is theta = (mu, ln sigma), with the prior
       mu ~ N(ln GUESS, DOUBT[0]),    ln sigma ~ N(ln SPREAD, DOUBT[1]),    independent.

2. Update rule (`packing_time.py`)
   With the hazard h(z) = phi(z) / (1 - Phi(z)), the gradient of ln S(t) is (h / sigma, h z), and g = grad ln q is its
   difference between a and s. A poll has
       score        u = g           if y = 0,    u = -q / (1 - q) g   if y = 1,
       information  I = q / (1 - q) g g^T        (Fisher, expected over y).
   Up to FIRST polls: maximum a posteriori by Fisher scoring over all of them, ROUNDS steps for each new poll,
       theta += (P + sum I)^-1 (P (theta_0 - theta) + sum u),    P = the prior's precision matrix.
   Beyond: recursive scoring (a rank-one extended Kalman update, Sherman-Morrison) with the covariance C,
       C -= w C g g^T C / (1 + w g^T C g),  w = q / (1 - q);    theta += C u,
   and exponential forgetting: C is scaled up until var(mu) >= sigma^2 / KEPT, so that the estimate counts for at most
   KEPT exact observations and follows a service whose speed changes. Steps are clipped to STEP.

3. Does a repeated PUT restart the packing? (`restart_test.py`)
   Two hypotheses, "every request restarts it" (R) against "none does" (N). Each poll adds a log likelihood ratio,
       L += ln max(P(y | R), SURPRISE) - ln max(P(y | N), SURPRISE),    L >= -SUSPICION,
   as in Wald's sequential test with one boundary: L >= SUSPICION accepts R. N is accepted by proof only: a package that
   is ready after a wait no longer than one which was in vain could not have been packed again in it.

4. Decision rules (`policy.py`, `poll_times.py`, `bottleneck.py`)
   a. Bottleneck. Three lower bounds for the time left, each as if the other two did not bind:
          streaming = bodies x seconds per body,    asking = calls needed / rate,    packing = see b.
      Streams are fed (polls first) if streaming is the largest; otherwise first requests go first, and start packing.
   b. Last packing. With first requests at r per second, the number still packing t seconds after the last of them is
      Poisson with mean m(t) = r E[(T - t)+], and E[(T - t)+] has the closed form of a lognormal call option:
          E[(T - t)+] = e^(mu + sigma^2 / 2) (1 - Phi(z(t) - sigma)) - t (1 - Phi(z(t))).
      One more second of first requests costs the streams a second and ends packing 1 / (r e - 1) seconds earlier, where
      e is the seconds per body. The two balance if P(packing ends last) = 1 - e^-m = 1 - 1 / (r e), thus m = ln(r e).
   c. When to poll a pending package: at the conditional quantile of T given T > s,
          age(p, s) = exp(mu + sigma Phi^-1(1 - S(s) (1 - p))),
      p = CALM at first and AGAIN after a poll in vain. Among the last k packages the wait is at most FEW x age x k.
   d. While streams are idle a lower p will do, rising from EAGER to CALM with the polls in vain so far (linear, spent
      at VAIN per package); while R is open, from WARY with a budget of RISKED per package; where calls bind
      (asking > CLOSE x the largest bound), SURE.
   e. While R is accepted or open, waits for one package only grow: geometric with factors LEAST to MOST, or GROWTH.
      Under R a wait w succeeds with probability P(T <= w), so bounded waits might never succeed.
   f. How much to request: expected ready packages (requests in flight counted by their probability 1 - q) are kept at
      idle streams + a backlog of BACKLOG seconds, at most LIFE_SHARE of the life of a link.

5. Origin of the constants
   Derived: EVEN (ln 2) and SURE of `bottleneck.py` (P(none) = 95 %), the balance in 4b, PROBES' spacing (geometric over
   one octave).
   Compared with other values in simulation: AGAIN and SCOUTS (the 0.8 quantile, and 2 % of packages polled finely),
   BACKLOG (less of it lets fewer links expire at the same total time).
   Chosen, by trial on few simulated regimes, of which no record is kept: GUESS, SPREAD, DOUBT, KEPT, FIRST, ROUNDS,
   EAGER, WARY, SURE, VAIN, RISKED, RUN, SPARSE, CALM, FEW, FEWER, CROWD, GROWTH, SHORTER, FARTHEST, ALMOST, LEAST,
   MOST, CLOSE, SPARE, SUSPICION, SURPRISE, SMOOTH, LEARN_RATE, MOSTLY, MOVED, LIFE_SHARE, PROBES.
   Numerical guards, chosen: EARLIEST, LATEST, STEP, NARROWEST, WIDEST, HALVINGS, SHORTEST, SLIGHT.
   The policy as a whole is measured, not each constant: `python benchmarks/schedule.py --seed N` compares it with the
   ideal and with simpler policies over random regimes, for any seed. Nothing was measured at the real service.

6. Assumptions until a real account was measured
   ASSUMPTION: packing times are lognormal and independent, of one distribution for all packages of a client.
   ASSUMPTION: their median lies between about 1 s and 1 h; no published page of the API says how long packing takes.
   ASSUMPTION: repeating the PUT is the way to poll it; whether that restarts the packing is unknown, hence 3.
   ASSUMPTION: streams share one line, so that the throughput does not fall as streams are added.
   They would be refuted by systematic trends of the scores u over a run, or waits that grow with the number of packages
   requested together (a queue at the service, which this model takes for a slower service).
"""
