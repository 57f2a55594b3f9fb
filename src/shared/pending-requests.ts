/** A request without its id; distributes over unions. */
type WithoutId<T> = T extends unknown ? Omit<T, 'id'> : never;

/** Requests to another thread or process, each answered once by a message with the request's id. */
export interface PendingRequests<Request, Response> {
  /** Number of unanswered requests. */
  readonly count: number;
  ask(request: WithoutId<Request>): Promise<Response>;
  /** Must be called with every incoming message. */
  settle(response: Response): void;
  /** Rejects all pending requests in order, and all later ones, with the error of the first call. */
  end(error: Error): void;
}

/** @param post sends a request */
export function pendingRequests<Request extends { id: number }, Response extends { id: number }>(
  post: (request: Request) => void,
): PendingRequests<Request, Response> {
  const pending = new Map<number, { resolve: (response: Response) => void; reject: (error: Error) => void }>();
  let nextId = 0;
  let ended: Error | undefined;
  return {
    get count() {
      return pending.size;
    },
    ask(request) {
      return new Promise((resolve, reject) => {
        if (ended) return reject(ended);
        const id = nextId++;
        pending.set(id, { resolve, reject });
        post({ ...request, id } as unknown as Request);
      });
    },
    settle(response) {
      pending.get(response.id)?.resolve(response);
      pending.delete(response.id);
    },
    end(error) {
      ended ??= error;
      for (const { reject } of pending.values()) reject(ended);
      pending.clear();
    },
  };
}
