/*
 * The ownership of a store by one of several nodes: lease, fence, and commits whose result may get lost.
 *
 * A model of PostgresLease and PostgresStore for SPIN. Nodes, connections and the clock take turns in any order, so
 * that a node can be suspended between any two of its steps, for any time. Messages and responses of the database get
 * lost, a transaction of a lost connection commits later or never, and a process ends and is replaced by a new one.
 *
 * Asserted:
 * - a node that answers from its memory is the owner in the database;
 * - an acknowledged event is in the journal;
 * - no event is in the journal twice, no position is taken twice, and the journal has no gap.
 *
 * Each of the macros WITHOUT_... removes one precaution. SPIN then finds a violation, which shows that the model can
 * fail, and what the precaution is for.
 */

#define NODES 2
#define EVENTS 2
#ifndef LIVES
#define LIVES 1 /* processes that follow each other on a node */
#endif
#ifndef FENCES
#define FENCES 3 /* numbers that the fence can take */
#endif

#define LEASE 2 /* ticks for which nobody else can claim the store after a renewal */
#ifdef WITHOUT_MARGIN
#define VALID 3 /* ticks for which a node counts itself as the owner after it has sent a renewal */
#else
#define VALID 1
#endif

#define NODE(identity) (((identity) - 1) % NODES)

mtype = { free, arriving, locked, committed, refused }

/* The database. */
byte leaseOwner, leaseLeft, successor
byte claimant, claimLeft /* a claim under way, which has locked the row of the lease */
byte fence, fenceOwner
byte journal[EVENTS + 2] /* the event at each position; 0 for none */

/* Connections for commits: two for each node, because one may be lost while its statement is still under way. */
typedef Connection { mtype state = free; bit isLost; byte epoch; byte position; byte event }
Connection connections[2 * NODES]

/* Nodes. */
byte valid[NODES]       /* ticks for which the node counts itself as the owner */
byte renewal[NODES]     /* the same, once the response to the renewal under way arrives */
byte identity[NODES]    /* of its process; 0 while there is none */
byte claimSent[NODES]

#define IS_FENCE_FREE (connections[0].state != locked && connections[1].state != locked && \
  connections[2].state != locked && connections[3].state != locked)

inline clear(c) {
  c.state = free
  c.isLost = false
  c.epoch = 0
  c.position = 0
  c.event = 0
}

/* Looks up an event: 0 if the journal does not have it. */
inline find(wanted, found, end) {
  found = 0
  end = 1
  do
  :: end <= EVENTS && journal[end] != 0 ->
    if :: journal[end] == wanted -> found = end :: else fi
    end++
  :: else -> break
  od
}

active proctype Clock() {
  byte n
  do
  :: d_step {
      if :: leaseLeft > 0 -> leaseLeft-- :: else fi
      if :: claimLeft > 0 -> claimLeft-- :: else fi
      n = 0
      do
      :: n < NODES ->
        if :: valid[n] > 0 -> valid[n]-- :: else fi
        if :: renewal[n] > 0 -> renewal[n]-- :: else fi
        if :: claimSent[n] > 0 -> claimSent[n]-- :: else fi
        n++
      :: else -> break
      od
      n = 0
    }
  od
}

/* The database executes the transactions of a connection. */
active [2 * NODES] proctype Transactions() {
  byte me = _pid - 1 /* the clock is process 0 */
  byte found, end
  do
  :: d_step {
      connections[me].state == arriving ->
      if
#ifndef WITHOUT_FENCE
      :: connections[me].epoch != fence -> connections[me].state = refused
#endif
      :: else -> connections[me].state = locked
      fi
    }
  :: d_step {
      connections[me].state == locked ->
      find(connections[me].event, found, end)
      assert(found == 0) /* no event twice */
      assert(end == connections[me].position) /* no position twice, and no gap */
      journal[connections[me].position] = connections[me].event
      connections[me].state = committed
      found = 0
      end = 0
    }
    /* Ended by an administrator, a crash, or a claim that has waited too long. */
  :: d_step { connections[me].state == locked -> connections[me].state = refused; connections[me].isLost = true }
    /* Nobody waits for the result any more. */
  :: d_step {
      connections[me].isLost && connections[me].state != arriving && connections[me].state != locked ->
      clear(connections[me])
    }
  od
}

/* The heartbeat of a node, on a connection of its own. */
active [NODES] proctype Heartbeat() {
  byte n = _pid - 1 - 2 * NODES
  byte owner
  do
  :: d_step { valid[n] > 0 -> owner = identity[n]; renewal[n] = VALID }
    /* A late response has no other effect than an early one with less time left. */
    if
    :: d_step {
        claimant == 0 ->
        if
        :: leaseOwner == owner ->
          leaseLeft = LEASE
          if :: identity[n] == owner -> valid[n] = renewal[n] :: else fi
        :: else ->
          if :: identity[n] == owner -> valid[n] = 0 :: else fi
        fi
        owner = 0
        renewal[n] = 0
      }
    :: d_step { /* the response is lost */
        claimant == 0 && leaseOwner == owner -> leaseLeft = LEASE
        owner = 0
        renewal[n] = 0
      }
    :: d_step { owner = 0; renewal[n] = 0 } /* the renewal is lost */
    fi
  od
}

active [NODES] proctype Node() {
  byte n = _pid - 1 - 3 * NODES
  byte me, life, epoch, next, event, found, i, slot
  bit known[EVENTS + 1]

start:
  atomic {
    life < LIVES ->
    life++
    me = n + 1 + NODES * (life - 1)
    identity[n] = me
    epoch = 0; next = 0; event = 0; known[1] = 0; known[2] = 0; valid[n] = 0
  }

standby:
  if
  :: d_step {
      claimant == 0 && fence < FENCES && (leaseLeft == 0 || successor == me) ->
      claimant = me
      claimLeft = LEASE
      claimSent[n] = VALID
    }
  :: goto ended
  fi
  /* The claim waits for the transactions that hold the fence. */
  if
  :: d_step {
      IS_FENCE_FREE ->
      fence++
      fenceOwner = me
      epoch = fence
      leaseOwner = me
      leaseLeft = claimLeft
      successor = 0
      valid[n] = claimSent[n]
      claimant = 0
      claimLeft = 0
      claimSent[n] = 0
    }
    if
    :: skip
    :: d_step { valid[n] = 0; epoch = 0 }; goto standby /* the response is lost */
    fi
  :: d_step { claimant = 0; claimLeft = 0; claimSent[n] = 0 }; goto standby /* ended after a timeout */
  fi
  d_step { /* reads the store */
    find(1, found, next); known[1] = (found != 0)
    find(2, found, next); known[2] = (found != 0)
    found = 0
  }

owner:
  do
  :: d_step { /* a read, or the repetition of an event, answered from memory */
      valid[n] > 0 ->
      assert(fenceOwner == me)
    }
  :: d_step { valid[n] > 0 && known[1] -> find(1, found, i); assert(found != 0); found = 0; i = 0 }
  :: d_step { valid[n] > 0 && known[2] -> find(2, found, i); assert(found != 0); found = 0; i = 0 }
  :: valid[n] == 0 -> goto ended /* a new process takes its place */
  :: goto ended
  :: d_step { /* hands the store over */
      valid[n] > 0 && claimant == 0 && leaseOwner == me ->
      valid[n] = 0
      identity[n] = 0
      leaseLeft = 0
      successor = 1 - n + 1 + NODES * (LIVES - 1)
    }
    goto ended
  :: d_step { valid[n] > 0 && !known[1] -> event = 1 }; break
  :: d_step { valid[n] > 0 && !known[2] -> event = 2 }; break
  od

commit:
  if
  :: d_step {
      valid[n] > 0 && connections[2 * n].state == free -> slot = 2 * n
      connections[slot].epoch = epoch
      connections[slot].position = next
      connections[slot].event = event
      connections[slot].state = arriving
    }
  :: d_step {
      valid[n] > 0 && connections[2 * n].state != free && connections[2 * n + 1].state == free -> slot = 2 * n + 1
      connections[slot].epoch = epoch
      connections[slot].position = next
      connections[slot].event = event
      connections[slot].state = arriving
    }
  :: valid[n] == 0 -> goto ended
  fi
  if
  :: d_step { connections[slot].state == committed && !connections[slot].isLost -> clear(connections[slot]) }
    goto acknowledge
  :: d_step {
      connections[slot].state == refused && !connections[slot].isLost ->
      clear(connections[slot])
    }
    goto ended
  :: d_step { connections[slot].state != free -> connections[slot].isLost = true }
  :: connections[slot].state == free || connections[slot].isLost
  fi

unknown: /* The result is unknown. */
#ifdef WITHOUT_NEW_FENCE
  d_step { find(event, found, i); i = 0 }
#else
  if
  :: d_step { /* the fence gets a new number, and the entry is looked up, in one transaction */
      IS_FENCE_FREE && claimant == 0 && fenceOwner == me && fence < FENCES ->
      fence++
      epoch = fence
#ifdef WITHOUT_ATOMIC_LOOKUP
    }
    d_step {
#endif
      found = (journal[next] != 0)
    }
  :: claimant == 0 && (fenceOwner != me || fence == FENCES) -> goto ended
  fi
#endif
  if
  :: found != 0 -> goto acknowledge
  :: else -> goto commit
  fi

acknowledge:
  atomic {
    find(event, found, i)
    assert(found != 0) /* an acknowledged event is in the journal */
    known[event] = 1
    next++
    event = 0; found = 0; i = 0; slot = 0
  }
  goto owner

ended:
  atomic {
    identity[n] = 0; valid[n] = 0; event = 0; found = 0; next = 0; epoch = 0; slot = 0; i = 0
    known[1] = 0; known[2] = 0
    if :: connections[2 * n].state != free -> connections[2 * n].isLost = true :: else fi
    if :: connections[2 * n + 1].state != free -> connections[2 * n + 1].isLost = true :: else fi
  }
  if
  :: life < LIVES -> goto start
  :: else
  fi
}
