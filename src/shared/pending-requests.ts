/** A request before it has its id; a union stays one. */
type WithoutId<T> = T extends unknown ? Omit<T, 'id'> : never;

/** Requests to another thread or process, each of which is answered once, by a message with the request's id. */
export interface PendingRequests<Request, Response> {
  /** Of those that were asked, how many have no answer yet. */
  readonly count: number;
  ask(request: WithoutId<Request>): Promise<Response>;
  /** Call it with every message that comes in. */
  settle(response: Response): void;
  /** Rejects what is open, in the order it was asked, and what is still to be asked; the first error is the reason. */
  end(error: Error): void;
}

/** @param post sends a request away */
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
